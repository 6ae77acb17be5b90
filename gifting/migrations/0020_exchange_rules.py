"""Keep rates and conversions as they were recorded, and judge what is converted."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0019_exchange_rates")]

    operations = [
        migrations.RunSQL(
            (SQL / "exchange.sql").read_text(), (SQL / "exchange_reverse.sql").read_text()
        ),
    ]
