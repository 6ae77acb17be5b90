"""Keep the papers of procurement as history, and judge what is matched and merged."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0023_procurement_tables")]

    operations = [
        migrations.RunSQL(
            (SQL / "procurement.sql").read_text(), (SQL / "procurement_reverse.sql").read_text()
        ),
    ]
