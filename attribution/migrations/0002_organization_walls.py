"""Keep every row, reference and history of the room inside its organization."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("attribution", "0001_tables"), ("gifting", "0005_costs")]

    operations = [
        migrations.RunSQL((SQL / "organization_walls.sql").read_text(), migrations.RunSQL.noop),
    ]
