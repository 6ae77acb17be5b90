"""Call the owner of a cost center by a name that no function of the ledger uses."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gifting", "0020_exchange_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="costcenter",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                db_column="owner_user_id",
                help_text="Approves what is charged here and below, where the approval policy asks for it",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
