"""Move funds and commitments by transfers alone, and judge those."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0011_ledger_tables")]

    operations = [
        migrations.RunSQL(
            (SQL / "ledger.sql").read_text(), (SQL / "ledger_reverse.sql").read_text()
        ),
    ]
