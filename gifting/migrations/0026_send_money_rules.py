"""Keep the money of sends exact: one decision, shares that sum, credits that are used once."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0025_send_money_tables")]

    operations = [
        migrations.RunSQL(
            (SQL / "send_money.sql").read_text(), (SQL / "send_money_reverse.sql").read_text()
        ),
        migrations.RunSQL(
            (SQL / "credit_memos.sql").read_text(), (SQL / "credit_memos_reverse.sql").read_text()
        ),
    ]
