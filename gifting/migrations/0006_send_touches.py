"""Show each send as a touch to the rooms above."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0005_costs")]

    operations = [
        migrations.RunSQL((SQL / "send_touches.sql").read_text(), "DROP VIEW gifting_sendtouch"),
    ]
