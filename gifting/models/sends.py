"""Sends: one gift to one recipient, what happened to it and what it cost.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/lifecycle.sql`, `costs.sql`):
- `SendEvent` and `CostLine` are append-only; nobody updates, deletes or truncates them.
- A send's state is derived: only the trigger on `SendEvent` moves it, and only along
  `gifting.domain.lifecycle.TRANSITIONS`.
- A cost line states a component's whole amount as of its version and the change against the
  version before, so that the sum of changes is the spend, in every cut; `SpendRollup` and
  `SenderSpend` are kept by the same transaction.
"""

from __future__ import annotations

from django.db import models

from gifting.domain import lifecycle, recipients
from gifting.models import ledger, tenancy

SOURCE_LENGTH = 64
EXTERNAL_ID_LENGTH = 255


class Recipient(tenancy.TenantModel):
    """The person a gift is for. Name and address of mail are personal data: see access rules."""

    source = models.CharField(max_length=SOURCE_LENGTH)
    external_id = models.CharField(max_length=EXTERNAL_ID_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    email = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code")
    account_reference = models.CharField(
        max_length=EXTERNAL_ID_LENGTH, blank=True, help_text="The CRM's id of the account"
    )
    contact_reference = models.CharField(
        max_length=EXTERNAL_ID_LENGTH, blank=True, help_text="The CRM's id of the contact"
    )
    recipient_class = models.CharField(
        max_length=32,
        choices=tenancy.labels(recipients.RecipientClass),
        db_default=recipients.RecipientClass.UNKNOWN.value,
        help_text="What the recipient is to the law and to the giver",
    )

    class Meta:
        constraints = (
            tenancy.unique("recipient_external_id_is_unique", "source", "external_id"),
            tenancy.unique("recipient_public_id_is_unique", "public_id"),
            tenancy.known("recipient_class_is_known", "recipient_class", recipients.RecipientClass),
        )

    def __str__(self) -> str:
        return f"Recipient {self.external_id}"


class Send(tenancy.TenantModel):
    """One gift on its way from a campaign to a recipient, by a vendor, charged to a cost center."""

    source = models.CharField(max_length=SOURCE_LENGTH, help_text="The system that knows the send")
    external_id = models.CharField(max_length=EXTERNAL_ID_LENGTH)
    campaign = tenancy.link("gifting.Campaign")
    vendor = tenancy.link("gifting.Vendor")
    gift_item = tenancy.link("gifting.GiftItem", null=True, blank=True)
    recipient = tenancy.link("gifting.Recipient", null=True, blank=True)
    cost_center = tenancy.link("gifting.CostCenter")
    account_reference = models.CharField(
        max_length=EXTERNAL_ID_LENGTH, blank=True, help_text="The CRM's id of the account"
    )
    sender_reference = models.CharField(
        max_length=EXTERNAL_ID_LENGTH,
        blank=True,
        help_text="The CRM's or vendor's id of the sender",
    )
    quantity = models.PositiveIntegerField(default=1)
    state = models.CharField(
        max_length=32,
        choices=tenancy.labels(lifecycle.State),
        default=lifecycle.State.DRAFT.value,
        editable=False,
        help_text="Derived from the events",
    )
    last_event_number = models.PositiveIntegerField(default=0, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False, help_text="Derived from the events")
    delivered_at = models.DateTimeField(
        null=True, editable=False, help_text="Derived from the events"
    )
    is_synthetic = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("send_external_id_is_unique", "source", "external_id"),
            tenancy.unique("send_public_id_is_unique", "public_id"),
            tenancy.known("send_state_is_known", "state", lifecycle.State),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1), name="send_quantity_is_positive"
            ),
        )
        indexes = (
            models.Index(fields=["organization", "campaign"], name="send_by_campaign"),
            models.Index(fields=["organization", "vendor"], name="send_by_vendor"),
            models.Index(fields=["organization", "cost_center"], name="send_by_cost_center"),
            models.Index(fields=["organization", "sent_at"], name="send_by_sent_at"),
        )

    def __str__(self) -> str:
        return f"Send {self.source} {self.external_id}"


class SendEvent(tenancy.TenantModel):
    """One step of a send's life, as told by a person or a vendor. Append-only."""

    organization = tenancy.organization_of_parent()
    send = tenancy.link("gifting.Send", related_name="events")
    number = models.PositiveIntegerField(editable=False, help_text="1, 2, 3 … per send, by trigger")
    from_state = models.CharField(max_length=32, blank=True, editable=False)
    to_state = models.CharField(max_length=32, choices=tenancy.labels(lifecycle.State))
    occurred_at = models.DateTimeField(help_text="When it happened at the source")
    received_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)
    source = models.CharField(max_length=SOURCE_LENGTH)
    source_event_id = models.CharField(max_length=EXTERNAL_ID_LENGTH)
    vendor_status = models.CharField(
        max_length=EXTERNAL_ID_LENGTH,
        blank=True,
        help_text="The vendor's own word, kept as it came",
    )
    transaction_id = ledger.TransactionId(
        db_default=models.Func(function="pg_current_xact_id"), editable=False
    )
    cluster_epoch = models.SmallIntegerField(db_default=1, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("send_event_number_is_unique", "send", "number"),
            tenancy.unique("send_event_source_id_is_unique", "send", "source", "source_event_id"),
            tenancy.known("send_event_state_is_known", "to_state", lifecycle.State),
        )

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} to {self.to_state}"


class Component(models.TextChoices):
    ITEM = "ITEM", "Item"
    HANDLING = "HANDLING", "Handling"
    SHIPPING = "SHIPPING", "Shipping"
    TAX = "TAX", "Tax"
    DUTY = "DUTY", "Duty"
    FEE = "FEE", "Fee"
    PERSONALIZATION = "PERSONALIZATION", "Personalization"
    PACKAGING = "PACKAGING", "Packaging"
    REFUND = "REFUND", "Refund"
    BREAKAGE = "BREAKAGE", "Breakage"


class Basis(models.TextChoices):
    ESTIMATED = "ESTIMATED", "Estimated"
    ACTUAL = "ACTUAL", "Actual"


class CostLine(tenancy.TenantModel):
    """One version of one cost component of a send. Append-only."""

    organization = tenancy.organization_of_parent()
    send = tenancy.link("gifting.Send", related_name="cost_lines")
    component = models.CharField(max_length=16, choices=Component.choices)
    version = models.PositiveIntegerField(help_text="1, 2, 3 … per send and component")
    basis = models.CharField(max_length=16, choices=Basis.choices)
    amount_minor = models.BigIntegerField(
        help_text="The component's whole amount as of this version"
    )
    change_minor = models.BigIntegerField(
        help_text="Against the version before; the sum is the spend"
    )
    currency = tenancy.currency_field()
    occurred_on = models.DateField(help_text="In the organization's time zone")
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    campaign = tenancy.link("gifting.Campaign")
    vendor = tenancy.link("gifting.Vendor")
    cost_center = tenancy.link("gifting.CostCenter")
    transaction_id = ledger.TransactionId(
        db_default=models.Func(function="pg_current_xact_id"), editable=False
    )
    cluster_epoch = models.SmallIntegerField(db_default=1, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("cost_line_version_is_unique", "send", "component", "version"),
            tenancy.known("cost_line_component_is_known", "component", Component),
            tenancy.known("cost_line_basis_is_known", "basis", Basis),
            tenancy.currency_code("cost_line_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(version__gt=1)
                | models.Q(version=1, change_minor=models.F("amount_minor")),
                name="cost_line_first_version_is_the_change",
            ),
        )

    def __str__(self) -> str:
        return f"{self.component} version {self.version}"


class SpendRollup(tenancy.TenantModel):
    """The sum of cost line changes by every dimension. Kept by trigger, never written by hand."""

    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    campaign = tenancy.link("gifting.Campaign")
    vendor = tenancy.link("gifting.Vendor")
    cost_center = tenancy.link("gifting.CostCenter")
    component = models.CharField(max_length=16, choices=Component.choices)
    currency = tenancy.currency_field()
    amount_minor = models.BigIntegerField()
    changed_at = models.DateTimeField(
        db_default=models.functions.Now(), editable=False, help_text="When a cost last moved it"
    )

    class Meta:
        constraints = (
            tenancy.unique(
                "spend_rollup_key_is_unique",
                "fiscal_period",
                "campaign",
                "vendor",
                "cost_center",
                "component",
                "currency",
            ),
        )

    def __str__(self) -> str:
        return f"{self.component} {self.amount_minor} {self.currency}"


class SenderSpend(tenancy.TenantModel):
    """The sum of cost line changes by who sent: a second rollup, so that the first stays small.

    Kept by trigger, never written by hand. The sender is the one that the send names now; a
    correction of the send moves its spend.
    """

    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    cost_center = tenancy.link("gifting.CostCenter")
    sender_reference = models.CharField(
        max_length=EXTERNAL_ID_LENGTH, blank=True, help_text="Empty where no source says who sent"
    )
    currency = tenancy.currency_field()
    amount_minor = models.BigIntegerField()
    changed_at = models.DateTimeField(
        db_default=models.functions.Now(), editable=False, help_text="When a cost last moved it"
    )

    class Meta:
        constraints = (
            tenancy.unique(
                "sender_spend_key_is_unique",
                "fiscal_period",
                "cost_center",
                "sender_reference",
                "currency",
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
