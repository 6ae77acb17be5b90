"""Keep every row, reference and history of the room inside its organization."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0002_tables")]

    operations = [
        migrations.RunSQL((SQL / "organization_walls.sql").read_text(), migrations.RunSQL.noop),
        migrations.RunSQL((SQL / "doors.sql").read_text(), (SQL / "doors_reverse.sql").read_text()),
    ]
