"""Roll spend up by sender as well, and hang campaigns on programs."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0015_programs_and_senders")]

    operations = [
        migrations.RunSQL(
            (SQL / "consolidated_spend.sql").read_text(),
            (SQL / "consolidated_spend_reverse.sql").read_text(),
        ),
    ]
