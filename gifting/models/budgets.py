"""Budgets: what was approved to be spent, by fiscal period, and every change of that.

Rules kept: the original amount of a budget never changes (trigger `budget_original_is_kept`).
Approving it opens its fund and its register, whose first entry is the original amount. What may be
spent is the sum of the register, which is append-only; an entry moves the fund in the same
statement (`gifting/migrations/sql/ledger.sql`).
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from gifting.domain import budgets, ledger
from gifting.models import tenancy


class Budget(tenancy.TenantModel):
    """The amount first approved for a cost center, and maybe one campaign, in one fiscal period."""

    cost_center = tenancy.link("gifting.CostCenter")
    campaign = tenancy.link("gifting.Campaign", null=True, blank=True)
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    original_amount_minor = models.BigIntegerField(help_text="Minor units of the currency")
    currency = tenancy.currency_field()
    scope: models.Field[list[int], list[int]] = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        editable=False,
        db_default=[],
        help_text="Dimension values, ascending; a scoped budget limits what names all of them",
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )

    class Meta:
        constraints = (
            tenancy.unique(
                "budget_scope_is_unique",
                "cost_center",
                "campaign",
                "fiscal_period",
                "currency",
                "scope",
                nulls_distinct=False,
            ),
            tenancy.unique("budget_public_id_is_unique", "public_id"),
            tenancy.currency_code("budget_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(original_amount_minor__gte=0),
                name="budget_original_is_not_negative",
            ),
        )

    def __str__(self) -> str:
        return self.name


class BudgetEntry(tenancy.TenantModel):
    """One change of what a budget may spend, with its reason and its approver. Append-only."""

    budget = tenancy.link("gifting.Budget", related_name="entries")
    operation = tenancy.link("gifting.Operation", related_name="entries")
    fiscal_period = tenancy.link("gifting.FiscalPeriod", help_text="Where the change is posted")
    kind = models.CharField(max_length=16, choices=tenancy.labels(ledger.EntryKind))
    amount_minor = models.BigIntegerField(help_text="Minor units; below zero takes away")
    effective_on = models.DateField(help_text="In the organization's time zone")
    pair_id = models.UUIDField(null=True, help_text="Shared by the two sides of one transfer")
    reason = models.TextField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(requested_by__isnull=True)
                | models.Q(approved_by__isnull=False)
                & ~models.Q(approved_by=models.F("requested_by")),
                name="budget_entry_is_approved_by_another",
            ),
            tenancy.unique("budget_entry_public_id_is_unique", "public_id"),
            tenancy.unique(
                "budget_entry_original_is_one",
                "budget",
                condition=models.Q(kind=ledger.EntryKind.ORIGINAL.value),
            ),
            tenancy.known("budget_entry_kind_is_known", "kind", ledger.EntryKind),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="budget_entry_has_a_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(kind=ledger.EntryKind.ORIGINAL.value, amount_minor__gte=0)
                | models.Q(kind=ledger.EntryKind.TRANSFER_IN.value, amount_minor__gt=0)
                | models.Q(
                    kind__in=[ledger.EntryKind.TRANSFER_OUT.value, ledger.EntryKind.LAPSE.value],
                    amount_minor__lt=0,
                )
                | (
                    models.Q(
                        kind__in=[
                            ledger.EntryKind.REVISION.value,
                            ledger.EntryKind.CARRY_FORWARD.value,
                        ]
                    )
                    & ~models.Q(amount_minor=0)
                ),
                name="budget_entry_sign_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    pair_id__isnull=False,
                    kind__in=[
                        ledger.EntryKind.TRANSFER_OUT.value,
                        ledger.EntryKind.TRANSFER_IN.value,
                        ledger.EntryKind.CARRY_FORWARD.value,
                    ],
                )
                | models.Q(
                    pair_id__isnull=True,
                    kind__in=[
                        ledger.EntryKind.ORIGINAL.value,
                        ledger.EntryKind.REVISION.value,
                        ledger.EntryKind.LAPSE.value,
                    ],
                ),
                name="budget_entry_is_paired_by_its_kind",
            ),
        )
        indexes = (
            models.Index(fields=["organization", "budget"], name="budget_entry_by_budget"),
            models.Index(
                fields=["organization", "pair_id"],
                name="budget_entry_by_pair",
                condition=models.Q(pair_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor}"


class BudgetPolicy(tenancy.TenantModel):
    """From now on: how hard a budget's limit is and what its end leaves. Append-only."""

    budget = tenancy.link("gifting.Budget", related_name="policies")
    operation = tenancy.link("gifting.Operation")
    enforcement = models.CharField(max_length=16, choices=tenancy.labels(budgets.Enforcement))
    counts_requested = models.BooleanField(help_text="Requests take room from new decisions")
    needs_two_people = models.BooleanField(
        default=False, help_text="Register entries name who asked, and another one approves"
    )
    rollover = models.CharField(max_length=16, choices=tenancy.labels(budgets.Rollover))
    cap_amount_minor = models.BigIntegerField(
        null=True, blank=True, help_text="The most that is carried of what is available"
    )
    cap_basis_points = models.PositiveIntegerField(
        null=True, blank=True, help_text="The same as a part of the revised amount"
    )
    claw_back_to = tenancy.link("gifting.Budget", null=True, blank=True)
    claw_back_on = models.DateField(
        null=True, blank=True, help_text="When what is unused goes back, in the organization's zone"
    )
    reason = models.TextField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("budget_policy_public_id_is_unique", "public_id"),
            tenancy.known("budget_policy_enforcement_is_known", "enforcement", budgets.Enforcement),
            tenancy.known("budget_policy_rollover_is_known", "rollover", budgets.Rollover),
            models.CheckConstraint(
                condition=models.Q(cap_amount_minor__isnull=True)
                | models.Q(cap_amount_minor__gte=0),
                name="budget_policy_cap_is_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(cap_basis_points__isnull=True)
                | models.Q(cap_basis_points__lte=budgets.WHOLE_BASIS_POINTS),
                name="budget_policy_cap_is_a_part",
            ),
            models.CheckConstraint(
                condition=models.Q(claw_back_to__isnull=True, claw_back_on__isnull=True)
                | models.Q(claw_back_to__isnull=False, claw_back_on__isnull=False)
                & ~models.Q(claw_back_to=models.F("budget")),
                name="budget_policy_claws_back_to_another",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="budget_policy_has_a_reason"
            ),
        )
        indexes = (models.Index(fields=["organization", "budget"], name="budget_policy_by_budget"),)

    def __str__(self) -> str:
        return f"{self.enforcement}, {self.rollover}"


class Rollover(tenancy.TenantModel):
    """What the end of a budget's period carried into another, and what lapsed. Append-only."""

    budget = tenancy.link("gifting.Budget")
    to_budget = tenancy.link("gifting.Budget", null=True)
    operation = tenancy.link("gifting.Operation")
    policy = models.CharField(max_length=16, choices=tenancy.labels(budgets.Rollover))
    committed_minor = models.BigIntegerField(help_text="Carried with open commitments")
    available_minor = models.BigIntegerField(help_text="Carried beside them")
    lapsed_minor = models.BigIntegerField()

    class Meta:
        constraints = (
            tenancy.unique("rollover_public_id_is_unique", "public_id"),
            tenancy.unique("budget_rolls_over_once", "budget"),
            tenancy.known("rollover_policy_is_known", "policy", budgets.Rollover),
            models.CheckConstraint(
                condition=models.Q(
                    committed_minor__gte=0, available_minor__gte=0, lapsed_minor__gte=0
                ),
                name="rollover_figures_are_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.policy}: {self.committed_minor + self.available_minor} carried"
