"""Derive the state of requests, judge answers, and lock recipients."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0017_approvals_and_gift_rules")]

    operations = [
        migrations.RunSQL(
            (SQL / "approvals.sql").read_text(), (SQL / "approvals_reverse.sql").read_text()
        ),
        migrations.RunSQL(
            (SQL / "gift_rules.sql").read_text(), (SQL / "gift_rules_reverse.sql").read_text()
        ),
    ]
