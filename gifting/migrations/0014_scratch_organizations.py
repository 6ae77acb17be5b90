"""Let the owner remove an organization that a drill made for itself."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0013_open_funds")]

    operations = [
        migrations.RunSQL(
            (SQL / "scratch_organizations.sql").read_text(),
            (SQL / "scratch_organizations_reverse.sql").read_text(),
        ),
    ]
