"""Keep every row, reference and history of the connections inside their organization."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("integrations", "0005_crm_tables")]

    operations = [
        migrations.RunSQL((SQL / "crm_walls.sql").read_text(), migrations.RunSQL.noop),
    ]
