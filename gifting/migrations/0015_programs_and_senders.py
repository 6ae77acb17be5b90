"""Programs that gather campaigns, and the spend of each sender."""

import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gifting", "0014_scratch_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Program",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(), editable=False
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("code", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=255)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.organization",
                    ),
                ),
            ],
            options={
                "ordering": ("code",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "code"), name="program_code_is_unique"
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "public_id"), name="program_public_id_is_unique"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SenderSpend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(), editable=False
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "sender_reference",
                    models.CharField(
                        blank=True, help_text="Empty where no source says who sent", max_length=255
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        help_text="ISO 4217 code",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "Write an ISO 4217 code such as USD."
                            )
                        ],
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
                (
                    "changed_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When a cost last moved it",
                    ),
                ),
                (
                    "cost_center",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.costcenter",
                    ),
                ),
                (
                    "fiscal_period",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.fiscalperiod",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "organization",
                            "fiscal_period",
                            "cost_center",
                            "sender_reference",
                            "currency",
                        ),
                        name="sender_spend_key_is_unique",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="campaign",
            name="program",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="Empty when it stands alone",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="gifting.program",
            ),
        ),
    ]
