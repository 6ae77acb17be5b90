"""Remember when a cost last moved a row of the spend rollup, so that figures can say how fresh they are."""

from pathlib import Path

import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("gifting", "0007_closed_functions")]

    operations = [
        migrations.AddField(
            model_name="spendrollup",
            name="changed_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                editable=False,
                help_text="When a cost last moved it",
            ),
        ),
        migrations.RunSQL(
            (SQL / "spend_freshness.sql").read_text(),
            (SQL / "spend_freshness_reverse.sql").read_text(),
        ),
    ]
