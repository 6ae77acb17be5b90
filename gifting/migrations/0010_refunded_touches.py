"""Keep a gift that never arrived taken back when its refund posts."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0009_histories_trust_their_parent")]

    operations = [
        migrations.RunSQL((SQL / "refunded_touches.sql").read_text(), migrations.RunSQL.noop),
    ]
