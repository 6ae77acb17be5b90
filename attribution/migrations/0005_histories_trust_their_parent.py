"""Let the rows of long histories prove their organization by their link to what they are about."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0004_pages_by_time"),
        ("gifting", "0009_histories_trust_their_parent"),
    ]

    operations = [
        migrations.AlterField(
            model_name="amountchange",
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
            model_name="ownerchange",
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
            model_name="stagechange",
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
