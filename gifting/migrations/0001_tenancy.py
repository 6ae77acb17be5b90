"""Make the roles and the functions that keep organizations apart."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL(
            (SQL / "tenancy.sql").read_text(), (SQL / "tenancy_reverse.sql").read_text()
        ),
    ]
