"""Chain the operations of the ledger, whatever is inserted."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0035_ledger_seal_table")]

    operations = [
        migrations.RunSQL((SQL / "seals.sql").read_text(), (SQL / "seals_reverse.sql").read_text()),
    ]
