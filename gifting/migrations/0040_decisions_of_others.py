"""Let nobody decide on what they asked for through a token, and no decision spend what facts overran."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0039_planning_rules")]

    operations = [
        migrations.RunSQL(
            (SQL / "decisions_of_others.sql").read_text(),
            (SQL / "decisions_of_others_reverse.sql").read_text(),
        ),
    ]
