"""Enter an organization and claim a key in one statement."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0021_owners_of_cost_centers")]

    operations = [
        migrations.RunSQL(
            (SQL / "ledger_doorway.sql").read_text(),
            (SQL / "ledger_doorway_reverse.sql").read_text(),
        ),
    ]
