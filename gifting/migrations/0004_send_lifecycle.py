"""Derive each send's state from its events and refuse illegal moves."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0003_organization_walls")]

    operations = [
        migrations.RunSQL(
            (SQL / "lifecycle.sql").read_text(), (SQL / "lifecycle_reverse.sql").read_text()
        ),
    ]
