"""Let the rows of long histories prove their organization by their link to what they are about."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gifting", "0008_spend_freshness"),
    ]

    operations = [
        migrations.AlterField(
            model_name="costline",
            name="organization",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="gifting.organization",
            ),
        ),
        migrations.AlterField(
            model_name="sendevent",
            name="organization",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="gifting.organization",
            ),
        ),
    ]
