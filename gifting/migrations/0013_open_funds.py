"""Open the funds and registers of the budgets that are there."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0012_ledger_rules")]

    operations = [
        migrations.RunSQL((SQL / "open_funds.sql").read_text(), migrations.RunSQL.noop),
    ]
