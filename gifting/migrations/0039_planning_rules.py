"""Keep forecasts as submitted, shared budgets as agreed, and the periods of a year in touch."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0038_planning")]

    operations = [
        migrations.RunSQL(
            (SQL / "planning.sql").read_text(), (SQL / "planning_reverse.sql").read_text()
        ),
    ]
