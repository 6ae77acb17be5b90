"""Seal what budget controls wrote beside transfers and entries."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0036_ledger_seal_rules")]

    operations = [
        migrations.RunSQL(
            (SQL / "seal_columns.sql").read_text(), (SQL / "seal_columns_reverse.sql").read_text()
        ),
    ]
