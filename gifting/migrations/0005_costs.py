"""Keep cost versions without gaps, their rollup exact and original budgets unchanged."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0004_send_lifecycle")]

    operations = [
        migrations.RunSQL((SQL / "costs.sql").read_text(), (SQL / "costs_reverse.sql").read_text()),
    ]
