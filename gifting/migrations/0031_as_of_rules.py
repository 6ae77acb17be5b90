"""Date every fact by its transaction, and judge signatures."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0030_as_of_tables")]

    operations = [
        migrations.RunSQL((SQL / "as_of.sql").read_text(), (SQL / "as_of_reverse.sql").read_text()),
    ]
