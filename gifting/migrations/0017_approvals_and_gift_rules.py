"""Hold approvals, delegations, overrides, rules about gifts and what recipients were given."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "__first__"),
        ("gifting", "0016_consolidated_spend"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalPolicy",
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
                    "version",
                    models.PositiveIntegerField(
                        help_text="1, 2, 3 …; the highest that has begun counts"
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
                (
                    "bands",
                    models.JSONField(help_text="The lines of the matrix; amounts in minor units"),
                ),
                (
                    "forbids_delegates",
                    models.BooleanField(
                        help_text="Whether a delegate of the requester may not decide"
                    ),
                ),
                ("expires_after_hours", models.PositiveIntegerField()),
                ("escalates_after_hours", models.PositiveIntegerField(null=True)),
                (
                    "escalates_to",
                    models.CharField(
                        choices=[
                            ("ADMIN", "Admin"),
                            ("MARKETING", "Marketing"),
                            ("SALES", "Sales"),
                            ("FINANCE", "Finance"),
                            ("APPROVER", "Approver"),
                            ("AUDITOR", "Auditor"),
                            ("SERVICE", "Service"),
                        ],
                        max_length=64,
                    ),
                ),
                ("effective_at", models.DateTimeField()),
                ("reason", models.TextField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "approval policies",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "version"), name="approval_policy_version_is_unique"
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="approval_policy_public_id_is_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="approval_policy_currency_is_iso",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="approval_policy_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApprovalRequest",
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
                ("subject_kind", models.CharField(help_text="For example SEND", max_length=32)),
                (
                    "subject_id",
                    models.UUIDField(help_text="The public id of what is to be approved"),
                ),
                (
                    "policy_version",
                    models.PositiveIntegerField(help_text="0 when there was no policy"),
                ),
                ("steps", models.JSONField(help_text="Who has to approve, and how many")),
                ("reasons", models.JSONField(help_text="Why")),
                ("forbids_delegates", models.BooleanField()),
                (
                    "amount_minor",
                    models.BigIntegerField(help_text="Minor units of the policy's currency"),
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
                (
                    "recipient_class",
                    models.CharField(
                        choices=[
                            ("UNKNOWN", "Unknown"),
                            ("PROSPECT", "Prospect"),
                            ("CUSTOMER", "Customer"),
                            ("PARTNER", "Partner"),
                            ("EMPLOYEE", "Employee"),
                            ("PROCUREMENT", "Procurement"),
                            ("PUBLIC_OFFICIAL", "Public official"),
                            ("HEALTHCARE_PROFESSIONAL", "Healthcare professional"),
                            ("BROKER_DEALER", "Broker dealer"),
                            ("MINOR", "Minor"),
                        ],
                        max_length=32,
                    ),
                ),
                ("country", models.CharField(blank=True, help_text="ISO 3166 code", max_length=2)),
                (
                    "available_minor",
                    models.BigIntegerField(help_text="Left of the budget before this", null=True),
                ),
                ("revised_minor", models.BigIntegerField(help_text="The budget", null=True)),
                (
                    "opportunity_minor",
                    models.BigIntegerField(help_text="Open, as the caller said", null=True),
                ),
                (
                    "rules",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        help_text="Gift rules that ask for it",
                        size=None,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("requested_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("escalates_at", models.DateTimeField(null=True)),
                (
                    "escalates_to",
                    models.CharField(
                        choices=[
                            ("ADMIN", "Admin"),
                            ("MARKETING", "Marketing"),
                            ("SALES", "Sales"),
                            ("FINANCE", "Finance"),
                            ("APPROVER", "Approver"),
                            ("AUDITOR", "Auditor"),
                            ("SERVICE", "Service"),
                        ],
                        max_length=64,
                    ),
                ),
                ("is_escalated", models.BooleanField(db_default=False, editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PENDING", "Pending"),
                            ("APPROVED", "Approved"),
                            ("REJECTED", "Rejected"),
                            ("EXPIRED", "Expired"),
                            ("WITHDRAWN", "Withdrawn"),
                        ],
                        editable=False,
                        help_text="Derived from answers and events",
                        max_length=16,
                    ),
                ),
                (
                    "decided_at",
                    models.DateTimeField(editable=False, help_text="Derived", null=True),
                ),
                (
                    "cost_center",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.costcenter",
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
                (
                    "policy",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.approvalpolicy",
                    ),
                ),
                (
                    "prepared_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.servicetoken",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="approval_request_public_id_is_unique",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "PENDING")),
                        fields=("organization", "subject_kind", "subject_id"),
                        name="approval_request_is_open_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ["PENDING", "APPROVED", "REJECTED", "EXPIRED", "WITHDRAWN"],
                            )
                        ),
                        name="approval_request_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "recipient_class__in",
                                [
                                    "UNKNOWN",
                                    "PROSPECT",
                                    "CUSTOMER",
                                    "PARTNER",
                                    "EMPLOYEE",
                                    "PROCUREMENT",
                                    "PUBLIC_OFFICIAL",
                                    "HEALTHCARE_PROFESSIONAL",
                                    "BROKER_DEALER",
                                    "MINOR",
                                ],
                            )
                        ),
                        name="approval_request_class_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="approval_request_currency_is_iso",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gte", 0)),
                        name="approval_request_amount_is_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("requested_at__lt", models.F("expires_at"))),
                        name="approval_request_expires_later",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "PENDING")),
                        fields=["organization", "expires_at"],
                        name="approval_request_open",
                    ),
                    models.Index(
                        fields=["organization", "subject_id", "id"],
                        name="approval_request_by_subject",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delegation",
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
                ("starts_on", models.DateField(help_text="In the organization's time zone")),
                ("ends_on", models.DateField(help_text="The first day without it")),
                ("reason", models.TextField()),
                ("revoked_at", models.DateTimeField(editable=False, null=True)),
                (
                    "delegate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "delegator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "revoked_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"), name="delegation_public_id_is_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("delegator", models.F("delegate")), _negated=True),
                        name="delegation_is_to_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("starts_on__lt", models.F("ends_on"))),
                        name="delegation_is_not_empty",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="delegation_has_a_reason",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        expressions=[
                            ("organization", "="),
                            ("delegator", "="),
                            (models.Func("starts_on", "ends_on", function="daterange"), "&&"),
                        ],
                        name="delegation_is_to_one_at_a_time",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["organization", "delegate"], name="delegation_by_delegate")
                ],
            },
        ),
        migrations.CreateModel(
            name="Approval",
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
                    "verdict",
                    models.CharField(
                        choices=[("APPROVED", "Approved"), ("REJECTED", "Rejected")], max_length=16
                    ),
                ),
                (
                    "step_numbers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(), size=None
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("decided_at", models.DateTimeField()),
                (
                    "approved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "on_behalf_of",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "request",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="gifting.approvalrequest",
                    ),
                ),
                (
                    "delegation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.delegation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"), name="approval_public_id_is_unique"
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "request", "approved_by"),
                        name="approval_person_is_unique",
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "request", "on_behalf_of"),
                        name="approval_principal_is_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", ["APPROVED", "REJECTED"])),
                        name="approval_verdict_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("delegation__isnull", True),
                                ("on_behalf_of", models.F("approved_by")),
                            ),
                            models.Q(
                                ("delegation__isnull", False),
                                models.Q(("on_behalf_of", models.F("approved_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="approval_for_another_is_delegated",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), _negated=True),
                            ("verdict", "APPROVED"),
                            _connector="OR",
                        ),
                        name="approval_refusal_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApprovalEvent",
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
                            ("ESCALATED", "Escalated"),
                            ("EXPIRED", "Expired"),
                            ("WITHDRAWN", "Withdrawn"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField()),
                ("occurred_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="gifting.approvalrequest",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="approval_event_public_id_is_unique",
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "request", "kind"),
                        name="approval_event_is_told_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["ESCALATED", "EXPIRED", "WITHDRAWN"])),
                        name="approval_event_kind_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GiftRule",
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
                ("version", models.PositiveIntegerField()),
                (
                    "jurisdiction",
                    models.CharField(
                        blank=True, help_text="ISO 3166 code; empty means everywhere", max_length=2
                    ),
                ),
                (
                    "window",
                    models.CharField(
                        choices=[
                            ("PER_GIFT", "Per gift"),
                            ("CALENDAR_YEAR", "Calendar year"),
                            ("TAX_YEAR", "Tax year"),
                            ("BUSINESS_YEAR", "Business year"),
                            ("ROLLING_12M", "Rolling 12m"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("ITEM", "Item"),
                            ("BRANDED", "Branded"),
                            ("GROSS", "Gross"),
                            ("LANDED", "Landed"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "limit_minor",
                    models.BigIntegerField(help_text="The most that is allowed, in minor units"),
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
                ("valid_from", models.DateField()),
                (
                    "valid_until",
                    models.DateField(
                        blank=True,
                        help_text="The first day without it; empty until a newer version",
                        null=True,
                    ),
                ),
                ("source", models.TextField()),
                ("reviewer", models.CharField(blank=True, max_length=255)),
                (
                    "is_shipped",
                    models.BooleanField(
                        default=False, help_text="Came with the product; not legal advice"
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[("GIVER", "Giver"), ("RECIPIENT", "Recipient")], max_length=16
                    ),
                ),
                (
                    "recipient_class",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("UNKNOWN", "Unknown"),
                            ("PROSPECT", "Prospect"),
                            ("CUSTOMER", "Customer"),
                            ("PARTNER", "Partner"),
                            ("EMPLOYEE", "Employee"),
                            ("PROCUREMENT", "Procurement"),
                            ("PUBLIC_OFFICIAL", "Public official"),
                            ("HEALTHCARE_PROFESSIONAL", "Healthcare professional"),
                            ("BROKER_DEALER", "Broker dealer"),
                            ("MINOR", "Minor"),
                        ],
                        help_text="Empty means everybody",
                        max_length=32,
                    ),
                ),
                (
                    "gift_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("GOODS", "Goods"),
                            ("FOOD_OR_DRINK", "Food or drink"),
                            ("TOBACCO", "Tobacco"),
                            ("VOUCHER", "Voucher"),
                            ("CASH_EQUIVALENT", "Cash equivalent"),
                            ("EXPERIENCE", "Experience"),
                            ("PRIZE_OR_SERVICE", "Prize or service"),
                        ],
                        help_text="Empty means every gift",
                        max_length=32,
                    ),
                ),
                (
                    "is_cliff",
                    models.BooleanField(
                        default=False,
                        help_text="Whether all counts once the limit is passed, not the excess alone",
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("BLOCK", "Block"),
                            ("APPROVE", "Approve"),
                            ("WARN", "Warn"),
                            ("REPORT", "Report"),
                        ],
                        max_length=16,
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
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "code", "version"),
                        name="gift_rule_version_is_unique",
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "public_id"), name="gift_rule_public_id_is_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="gift_rule_currency_is_iso",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "window__in",
                                [
                                    "PER_GIFT",
                                    "CALENDAR_YEAR",
                                    "TAX_YEAR",
                                    "BUSINESS_YEAR",
                                    "ROLLING_12M",
                                ],
                            )
                        ),
                        name="gift_rule_window_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("basis__in", ["ITEM", "BRANDED", "GROSS", "LANDED"])),
                        name="gift_rule_basis_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("limit_minor__gte", 0)),
                        name="gift_rule_limit_is_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True),
                            ("valid_from__lte", models.F("valid_until")),
                            _connector="OR",
                        ),
                        name="gift_rule_ends_after_it_begins",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("code", ""), _negated=True),
                            models.Q(("source", ""), _negated=True),
                        ),
                        name="gift_rule_has_a_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("side__in", ["GIVER", "RECIPIENT"])),
                        name="gift_rule_side_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("action__in", ["BLOCK", "APPROVE", "WARN", "REPORT"])),
                        name="gift_rule_action_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "recipient_class__in",
                                [
                                    "",
                                    "UNKNOWN",
                                    "PROSPECT",
                                    "CUSTOMER",
                                    "PARTNER",
                                    "EMPLOYEE",
                                    "PROCUREMENT",
                                    "PUBLIC_OFFICIAL",
                                    "HEALTHCARE_PROFESSIONAL",
                                    "BROKER_DEALER",
                                    "MINOR",
                                ],
                            )
                        ),
                        name="gift_rule_class_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "gift_kind__in",
                                [
                                    "",
                                    "GOODS",
                                    "FOOD_OR_DRINK",
                                    "TOBACCO",
                                    "VOUCHER",
                                    "CASH_EQUIVALENT",
                                    "EXPERIENCE",
                                    "PRIZE_OR_SERVICE",
                                ],
                            )
                        ),
                        name="gift_rule_kind_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Override",
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
                    "rule_code",
                    models.CharField(
                        blank=True, help_text="Empty lets an approval pass", max_length=64
                    ),
                ),
                (
                    "subject_id",
                    models.UUIDField(help_text="The one thing that it is for", null=True),
                ),
                ("reason", models.TextField()),
                ("valid_from", models.DateTimeField()),
                ("valid_until", models.DateTimeField()),
                (
                    "most_uses",
                    models.PositiveIntegerField(help_text="Empty means any number", null=True),
                ),
                (
                    "approved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "recipient",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        help_text="Empty means everybody",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.recipient",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"), name="override_public_id_is_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("requested_by__isnull", True),
                            models.Q(("requested_by", models.F("approved_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="override_approver_is_not_its_requester",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("valid_from__lt", models.F("valid_until"))),
                        name="override_ends_after_it_begins",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="override_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("most_uses__isnull", True), ("most_uses__gte", 1), _connector="OR"
                        ),
                        name="override_can_be_used",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("rule_code", ""), _negated=True),
                            ("subject_id__isnull", False),
                            _connector="OR",
                        ),
                        name="override_of_an_approval_names_it",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["organization", "rule_code"], name="override_by_rule")
                ],
            },
        ),
        migrations.CreateModel(
            name="OverrideUse",
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
                ("subject_id", models.UUIDField()),
                ("used_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.organization",
                    ),
                ),
                (
                    "override",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="gifting.override",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="override_use_public_id_is_unique",
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "override", "subject_id"),
                        name="override_use_is_one_a_subject",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecipientGift",
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
                ("subject_id", models.UUIDField(help_text="The public id of what was decided on")),
                ("given_on", models.DateField(help_text="In the organization's time zone")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("GOODS", "Goods"),
                            ("FOOD_OR_DRINK", "Food or drink"),
                            ("TOBACCO", "Tobacco"),
                            ("VOUCHER", "Voucher"),
                            ("CASH_EQUIVALENT", "Cash equivalent"),
                            ("EXPERIENCE", "Experience"),
                            ("PRIZE_OR_SERVICE", "Prize or service"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "recipient_class",
                    models.CharField(
                        choices=[
                            ("UNKNOWN", "Unknown"),
                            ("PROSPECT", "Prospect"),
                            ("CUSTOMER", "Customer"),
                            ("PARTNER", "Partner"),
                            ("EMPLOYEE", "Employee"),
                            ("PROCUREMENT", "Procurement"),
                            ("PUBLIC_OFFICIAL", "Public official"),
                            ("HEALTHCARE_PROFESSIONAL", "Healthcare professional"),
                            ("BROKER_DEALER", "Broker dealer"),
                            ("MINOR", "Minor"),
                        ],
                        max_length=32,
                    ),
                ),
                ("country", models.CharField(blank=True, max_length=2)),
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
                ("item_minor", models.BigIntegerField()),
                ("personalization_minor", models.BigIntegerField(default=0)),
                ("handling_minor", models.BigIntegerField(default=0)),
                ("shipping_minor", models.BigIntegerField(default=0)),
                ("tax_minor", models.BigIntegerField(default=0)),
                ("duty_minor", models.BigIntegerField(default=0)),
                ("fee_minor", models.BigIntegerField(default=0)),
                (
                    "has_advert",
                    models.BooleanField(default=False, help_text="The giver's name is on the item"),
                ),
                ("is_widely_given", models.BooleanField(default=False)),
                ("nature", models.CharField(blank=True, max_length=255)),
                ("purpose", models.TextField(blank=True)),
                ("conflict_note", models.TextField(blank=True)),
                (
                    "giver",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "recipient",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.recipient",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.recipientgift",
                    ),
                ),
                (
                    "send",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.send",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="recipient_gift_public_id_is_unique",
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "reverses"), name="recipient_gift_is_reversed_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="recipient_gift_currency_is_iso",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "GOODS",
                                    "FOOD_OR_DRINK",
                                    "TOBACCO",
                                    "VOUCHER",
                                    "CASH_EQUIVALENT",
                                    "EXPERIENCE",
                                    "PRIZE_OR_SERVICE",
                                ],
                            )
                        ),
                        name="recipient_gift_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "recipient_class__in",
                                [
                                    "UNKNOWN",
                                    "PROSPECT",
                                    "CUSTOMER",
                                    "PARTNER",
                                    "EMPLOYEE",
                                    "PROCUREMENT",
                                    "PUBLIC_OFFICIAL",
                                    "HEALTHCARE_PROFESSIONAL",
                                    "BROKER_DEALER",
                                    "MINOR",
                                ],
                            )
                        ),
                        name="recipient_gift_class_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("duty_minor__gte", 0),
                            ("fee_minor__gte", 0),
                            ("handling_minor__gte", 0),
                            ("item_minor__gte", 0),
                            ("personalization_minor__gte", 0),
                            ("shipping_minor__gte", 0),
                            ("tax_minor__gte", 0),
                        ),
                        name="recipient_gift_parts_are_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reverses__isnull", True),
                            models.Q(
                                ("duty_minor", 0),
                                ("fee_minor", 0),
                                ("handling_minor", 0),
                                ("item_minor", 0),
                                ("personalization_minor", 0),
                                ("shipping_minor", 0),
                                ("tax_minor", 0),
                            ),
                            _connector="OR",
                        ),
                        name="recipient_gift_reversal_holds_nothing",
                    ),
                ],
                "indexes": [
                    models.Index(
                        fields=["organization", "recipient", "given_on"],
                        name="recipient_gift_by_recipient",
                    ),
                    models.Index(
                        fields=["organization", "subject_id"], name="recipient_gift_by_subject"
                    ),
                    models.Index(fields=["organization", "given_on"], name="recipient_gift_by_day"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecipientLink",
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
                    "relation",
                    models.CharField(
                        choices=[
                            ("DUPLICATE", "Duplicate"),
                            ("FAMILY", "Family"),
                            ("COMPANY_GIFT", "Company gift"),
                        ],
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField()),
                ("linked_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                (
                    "counts_as",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="linked",
                        to="gifting.recipient",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "recipient",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="gifting.recipient",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="recipient_link_public_id_is_unique",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("organization", "recipient"),
                        name="recipient_link_is_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("relation__in", ["DUPLICATE", "FAMILY", "COMPANY_GIFT"])
                        ),
                        name="recipient_link_relation_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("recipient", models.F("counts_as")), _negated=True),
                        name="recipient_link_is_to_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="recipient_link_has_a_reason",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["organization", "counts_as"],
                        name="recipient_link_by_counted",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RecipientLock",
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
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.organization",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gifting.recipient",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "recipient"), name="recipient_lock_is_one"
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "public_id"),
                        name="recipient_lock_public_id_is_unique",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxRule",
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
                ("version", models.PositiveIntegerField()),
                (
                    "jurisdiction",
                    models.CharField(
                        blank=True, help_text="ISO 3166 code; empty means everywhere", max_length=2
                    ),
                ),
                (
                    "window",
                    models.CharField(
                        choices=[
                            ("PER_GIFT", "Per gift"),
                            ("CALENDAR_YEAR", "Calendar year"),
                            ("TAX_YEAR", "Tax year"),
                            ("BUSINESS_YEAR", "Business year"),
                            ("ROLLING_12M", "Rolling 12m"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            ("ITEM", "Item"),
                            ("BRANDED", "Branded"),
                            ("GROSS", "Gross"),
                            ("LANDED", "Landed"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "limit_minor",
                    models.BigIntegerField(help_text="The most that is allowed, in minor units"),
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
                ("valid_from", models.DateField()),
                (
                    "valid_until",
                    models.DateField(
                        blank=True,
                        help_text="The first day without it; empty until a newer version",
                        null=True,
                    ),
                ),
                ("source", models.TextField()),
                ("reviewer", models.CharField(blank=True, max_length=255)),
                (
                    "is_shipped",
                    models.BooleanField(
                        default=False, help_text="Came with the product; not legal advice"
                    ),
                ),
                (
                    "tax",
                    models.CharField(choices=[("INCOME", "Income"), ("VAT", "Vat")], max_length=16),
                ),
                (
                    "shape",
                    models.CharField(choices=[("CAP", "Cap"), ("CLIFF", "Cliff")], max_length=16),
                ),
                (
                    "exempt_item_minor",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Items up to this price, with the giver's name and given widely, are exempt",
                        null=True,
                    ),
                ),
                ("needs_advert", models.BooleanField(default=False)),
                (
                    "excluded_kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("GOODS", "Goods"),
                                ("FOOD_OR_DRINK", "Food or drink"),
                                ("TOBACCO", "Tobacco"),
                                ("VOUCHER", "Voucher"),
                                ("CASH_EQUIVALENT", "Cash equivalent"),
                                ("EXPERIENCE", "Experience"),
                                ("PRIZE_OR_SERVICE", "Prize or service"),
                            ],
                            max_length=32,
                        ),
                        blank=True,
                        default=list,
                        size=None,
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
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "code", "version"),
                        name="tax_rule_version_is_unique",
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "public_id"), name="tax_rule_public_id_is_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="tax_rule_currency_is_iso",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "window__in",
                                [
                                    "PER_GIFT",
                                    "CALENDAR_YEAR",
                                    "TAX_YEAR",
                                    "BUSINESS_YEAR",
                                    "ROLLING_12M",
                                ],
                            )
                        ),
                        name="tax_rule_window_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("basis__in", ["ITEM", "BRANDED", "GROSS", "LANDED"])),
                        name="tax_rule_basis_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("limit_minor__gte", 0)),
                        name="tax_rule_limit_is_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True),
                            ("valid_from__lte", models.F("valid_until")),
                            _connector="OR",
                        ),
                        name="tax_rule_ends_after_it_begins",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("code", ""), _negated=True),
                            models.Q(("source", ""), _negated=True),
                        ),
                        name="tax_rule_has_a_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("tax__in", ["INCOME", "VAT"])),
                        name="tax_rule_tax_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("shape__in", ["CAP", "CLIFF"])),
                        name="tax_rule_shape_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("shape", "CLIFF"),
                            models.Q(("window", "ROLLING_12M"), _negated=True),
                            _connector="OR",
                        ),
                        name="tax_rule_cap_is_of_a_year",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="operation",
            name="operation_kind_is_known",
        ),
        migrations.AddField(
            model_name="costcenter",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                help_text="Approves what is charged here and below, where the approval policy asks for it",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="organization",
            name="country",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="ISO 3166 code; where taxes are filed, which decides the giver's rules on gifts",
                max_length=2,
            ),
        ),
        migrations.AddField(
            model_name="recipient",
            name="recipient_class",
            field=models.CharField(
                choices=[
                    ("UNKNOWN", "Unknown"),
                    ("PROSPECT", "Prospect"),
                    ("CUSTOMER", "Customer"),
                    ("PARTNER", "Partner"),
                    ("EMPLOYEE", "Employee"),
                    ("PROCUREMENT", "Procurement"),
                    ("PUBLIC_OFFICIAL", "Public official"),
                    ("HEALTHCARE_PROFESSIONAL", "Healthcare professional"),
                    ("BROKER_DEALER", "Broker dealer"),
                    ("MINOR", "Minor"),
                ],
                db_default="UNKNOWN",
                help_text="What the recipient is to the law and to the giver",
                max_length=32,
            ),
        ),
        migrations.AlterField(
            model_name="operation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("APPROVE", "Approve"),
                    ("REVISE", "Revise"),
                    ("TRANSFER", "Transfer"),
                    ("CARRY_FORWARD", "Carry forward"),
                    ("LAPSE", "Lapse"),
                    ("COMMIT", "Commit"),
                    ("ACCRUE", "Accrue"),
                    ("INVOICE", "Invoice"),
                    ("VOID", "Void"),
                    ("RELEASE", "Release"),
                    ("EXPIRE", "Expire"),
                    ("FACT", "Fact"),
                    ("REFUND", "Refund"),
                    ("DECISION", "Decision"),
                ],
                max_length=32,
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "APPROVE",
                            "REVISE",
                            "TRANSFER",
                            "CARRY_FORWARD",
                            "LAPSE",
                            "COMMIT",
                            "ACCRUE",
                            "INVOICE",
                            "VOID",
                            "RELEASE",
                            "EXPIRE",
                            "FACT",
                            "REFUND",
                            "DECISION",
                        ],
                    )
                ),
                name="operation_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "recipient_class__in",
                        [
                            "UNKNOWN",
                            "PROSPECT",
                            "CUSTOMER",
                            "PARTNER",
                            "EMPLOYEE",
                            "PROCUREMENT",
                            "PUBLIC_OFFICIAL",
                            "HEALTHCARE_PROFESSIONAL",
                            "BROKER_DEALER",
                            "MINOR",
                        ],
                    )
                ),
                name="recipient_class_is_known",
            ),
        ),
    ]
