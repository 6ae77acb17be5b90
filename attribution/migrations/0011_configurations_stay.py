"""Keep the choices that figures rest on as they were made."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("attribution", "0010_configurations")]

    operations = [
        migrations.RunSQL(
            (SQL / "configurations.sql").read_text(),
            (SQL / "configurations_reverse.sql").read_text(),
        ),
    ]
