"""Let PostgreSQL judge how hard a limit is, count what is requested, and find the limits beside."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0033_budget_controls")]

    operations = [
        migrations.RunSQL(
            (SQL / "budget_controls.sql").read_text(),
            (SQL / "budget_controls_reverse.sql").read_text(),
        ),
    ]
