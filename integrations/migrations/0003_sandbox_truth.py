"""Keep the truth of generated data beside it."""

from pathlib import Path

import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("gifting", "0007_closed_functions"),
        ("integrations", "0002_organization_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="SandboxTruth",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("COMPANY", "A whole company was generated"),
                            ("OVERLAY", "Gifts were laid over an imported CRM export"),
                        ],
                        max_length=16,
                    ),
                ),
                ("parameters", models.JSONField(help_text="Seed, size, planted effect and biases")),
                (
                    "truth",
                    models.JSONField(
                        default=dict, help_text="Sums of the generator, in minor units"
                    ),
                ),
                ("is_complete", models.BooleanField(default=False, help_text="All rows are there")),
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
                "verbose_name": "sandbox truth",
                "constraints": [
                    models.UniqueConstraint(fields=("organization",), name="sandbox_truth_is_one"),
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="sandbox_truth_public_id_is_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["COMPANY", "OVERLAY"])),
                        name="sandbox_truth_kind_is_known",
                    ),
                ],
            },
        ),
        migrations.RunSQL((SQL / "sandbox_truth.sql").read_text(), migrations.RunSQL.noop),
    ]
