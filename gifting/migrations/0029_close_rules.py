"""Store closing figures, log what comes later, number journals and prove reconciliations."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0028_close_tables")]

    operations = [
        migrations.RunSQL(
            (SQL / "closes.sql").read_text(), (SQL / "closes_reverse.sql").read_text()
        ),
    ]
