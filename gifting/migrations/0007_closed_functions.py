"""Let the functions that guard sends and costs be run by their own triggers alone."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0006_send_touches")]

    operations = [
        migrations.RunSQL(
            (SQL / "closed_functions.sql").read_text(),
            (SQL / "closed_functions_reverse.sql").read_text(),
        ),
    ]
