"""Rules about gifts, who counts as one recipient, and what each recipient was given.

Rules kept, by PostgreSQL (`gifting/migrations/sql/gift_rules.sql`): versions of rules and gifts
given are append-only; a recipient counts as one other at most, which counts as itself; whoever adds
a gift or a link holds the recipient's lock until the end of the transaction.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from gifting.domain import gift_rules, recipients
from gifting.domain import tax as taxes
from gifting.models import approvals, tenancy

PARTS = ("item", "personalization", "handling", "shipping", "tax", "duty", "fee")


class RuleModel(tenancy.TenantModel):
    """What every version of a rule says."""

    code = models.CharField(max_length=tenancy.CODE_LENGTH)
    version = models.PositiveIntegerField()
    jurisdiction = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166 code; empty means everywhere"
    )
    window = models.CharField(max_length=16, choices=tenancy.labels(gift_rules.Window))
    basis = models.CharField(max_length=16, choices=tenancy.labels(gift_rules.Basis))
    limit_minor = models.BigIntegerField(help_text="The most that is allowed, in minor units")
    currency = tenancy.currency_field()
    valid_from = models.DateField()
    valid_until = models.DateField(
        null=True, blank=True, help_text="The first day without it; empty until a newer version"
    )
    source = models.TextField()
    reviewer = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    is_shipped = models.BooleanField(
        default=False, help_text="Came with the product; not legal advice"
    )
    user = approvals.person(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.code} version {self.version}"


def _rule_constraints(name: str) -> list[models.BaseConstraint]:
    return [
        tenancy.unique(f"{name}_version_is_unique", "code", "version"),
        tenancy.unique(f"{name}_public_id_is_unique", "public_id"),
        tenancy.currency_code(f"{name}_currency_is_iso"),
        tenancy.known(f"{name}_window_is_known", "window", gift_rules.Window),
        tenancy.known(f"{name}_basis_is_known", "basis", gift_rules.Basis),
        models.CheckConstraint(
            condition=models.Q(limit_minor__gte=0), name=f"{name}_limit_is_not_negative"
        ),
        models.CheckConstraint(
            condition=models.Q(valid_until__isnull=True)
            | models.Q(valid_from__lte=models.F("valid_until")),
            name=f"{name}_ends_after_it_begins",
        ),
        models.CheckConstraint(
            condition=~models.Q(code="") & ~models.Q(source=""), name=f"{name}_has_a_source"
        ),
    ]


class GiftRule(RuleModel):
    """One version of a limit on what a recipient may be given. Append-only."""

    side = models.CharField(max_length=16, choices=tenancy.labels(gift_rules.Side))
    recipient_class = models.CharField(
        max_length=32,
        blank=True,
        choices=tenancy.labels(recipients.RecipientClass),
        help_text="Empty means everybody",
    )
    gift_kind = models.CharField(
        max_length=32,
        blank=True,
        choices=tenancy.labels(gift_rules.GiftKind),
        help_text="Empty means every gift",
    )
    is_cliff = models.BooleanField(
        default=False, help_text="Whether all counts once the limit is passed, not the excess alone"
    )
    action = models.CharField(max_length=16, choices=tenancy.labels(gift_rules.Action))

    class Meta:
        constraints = (
            *_rule_constraints("gift_rule"),
            tenancy.known("gift_rule_side_is_known", "side", gift_rules.Side),
            tenancy.known("gift_rule_action_is_known", "action", gift_rules.Action),
            tenancy.known(
                "gift_rule_class_is_known", "recipient_class", ["", *recipients.RecipientClass]
            ),
            tenancy.known("gift_rule_kind_is_known", "gift_kind", ["", *gift_rules.GiftKind]),
        )


class TaxRule(RuleModel):
    """One version of how a tax takes gifts to a recipient. Append-only."""

    tax = models.CharField(max_length=16, choices=tenancy.labels(taxes.Tax))
    shape = models.CharField(max_length=16, choices=tenancy.labels(taxes.Shape))
    exempt_item_minor = models.BigIntegerField(
        null=True,
        blank=True,
        help_text="Items up to this price, with the giver's name and given widely, are exempt",
    )
    needs_advert = models.BooleanField(default=False)
    excluded_kinds = ArrayField(
        models.CharField(max_length=32, choices=tenancy.labels(gift_rules.GiftKind)),
        default=list,
        blank=True,
    )

    class Meta:
        constraints = (
            *_rule_constraints("tax_rule"),
            tenancy.known("tax_rule_tax_is_known", "tax", taxes.Tax),
            tenancy.known("tax_rule_shape_is_known", "shape", taxes.Shape),
            models.CheckConstraint(
                condition=models.Q(shape=taxes.Shape.CLIFF.value)
                | ~models.Q(window=gift_rules.Window.ROLLING_12M.value),
                name="tax_rule_cap_is_of_a_year",
            ),
        )


class RecipientLock(tenancy.TenantModel):
    """Held by whoever gives to a recipient, so that two gifts never both take the same room."""

    recipient = tenancy.link("gifting.Recipient")

    class Meta:
        constraints = (
            tenancy.unique("recipient_lock_is_one", "recipient"),
            tenancy.unique("recipient_lock_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"Lock of {self.recipient_id}"


class RecipientLink(tenancy.TenantModel):
    """Why gifts to one recipient count as gifts to another, until the link is ended."""

    recipient = tenancy.link("gifting.Recipient", related_name="links")
    counts_as = tenancy.link("gifting.Recipient", related_name="linked")
    relation = models.CharField(max_length=16, choices=tenancy.labels(recipients.Relation))
    reason = models.TextField()
    user = approvals.person(null=True)
    linked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_by = approvals.person(null=True, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("recipient_link_public_id_is_unique", "public_id"),
            tenancy.unique(
                "recipient_link_is_one", "recipient", condition=models.Q(ended_at__isnull=True)
            ),
            tenancy.known("recipient_link_relation_is_known", "relation", recipients.Relation),
            models.CheckConstraint(
                condition=~models.Q(recipient=models.F("counts_as")),
                name="recipient_link_is_to_another",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="recipient_link_has_a_reason"
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "counts_as"],
                name="recipient_link_by_counted",
                condition=models.Q(ended_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.recipient_id} counts as {self.counts_as_id}"


class RecipientGift(tenancy.TenantModel):
    """A recipient's share of a gift, with what rules and registers ask. Append-only.

    A row that `reverses` another takes it back whole and holds no money itself.
    """

    recipient = tenancy.link("gifting.Recipient")
    send = tenancy.link("gifting.Send", null=True)
    subject_id = models.UUIDField(help_text="The public id of what was decided on")
    given_on = models.DateField(help_text="In the organization's time zone")
    kind = models.CharField(max_length=32, choices=tenancy.labels(gift_rules.GiftKind))
    recipient_class = models.CharField(
        max_length=32, choices=tenancy.labels(recipients.RecipientClass)
    )
    country = models.CharField(max_length=2, blank=True)
    currency = tenancy.currency_field()
    item_minor = models.BigIntegerField()
    personalization_minor = models.BigIntegerField(default=0)
    handling_minor = models.BigIntegerField(default=0)
    shipping_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    duty_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)
    has_advert = models.BooleanField(default=False, help_text="The giver's name is on the item")
    is_widely_given = models.BooleanField(default=False)
    nature = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    purpose = models.TextField(blank=True)
    conflict_note = models.TextField(blank=True)
    giver = approvals.person(null=True)
    reverses = tenancy.link("gifting.RecipientGift", null=True)

    class Meta:
        constraints = (
            tenancy.unique("recipient_gift_public_id_is_unique", "public_id"),
            tenancy.unique("recipient_gift_is_reversed_once", "reverses"),
            tenancy.currency_code("recipient_gift_currency_is_iso"),
            tenancy.known("recipient_gift_kind_is_known", "kind", gift_rules.GiftKind),
            tenancy.known(
                "recipient_gift_class_is_known", "recipient_class", recipients.RecipientClass
            ),
            models.CheckConstraint(
                condition=models.Q(**{f"{part}_minor__gte": 0 for part in PARTS}),
                name="recipient_gift_parts_are_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(reverses__isnull=True)
                | models.Q(**{f"{part}_minor": 0 for part in PARTS}),
                name="recipient_gift_reversal_holds_nothing",
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "recipient", "given_on"], name="recipient_gift_by_recipient"
            ),
            models.Index(fields=["organization", "subject_id"], name="recipient_gift_by_subject"),
            models.Index(fields=["organization", "given_on"], name="recipient_gift_by_day"),
        )

    def __str__(self) -> str:
        return f"Gift on {self.given_on}"
