"""Campaigns, the efforts that gifts are sent for, and the programs that gather them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.models import catalog, tenancy


class Kind(models.TextChoices):
    PROSPECTING = "PROSPECTING", "Open doors at new accounts"
    EVENT = "EVENT", "Around an event or a meeting"
    ACCELERATION = "ACCELERATION", "Move open opportunities"
    APPRECIATION = "APPRECIATION", "Thank a customer"
    RENEWAL = "RENEWAL", "Keep or grow a customer"
    DIGITAL = "DIGITAL", "Digital touches only"
    OTHER = "OTHER", "Anything else"


class Motion(models.TextChoices):
    DEMAND_GENERATION = "DEMAND_GENERATION", "Demand generation"
    ABM = "ABM", "Account-based marketing"
    CUSTOMER_MARKETING = "CUSTOMER_MARKETING", "Customer marketing"


class Program(tenancy.TenantModel):
    """Campaigns that finance plans and reads together, such as a yearly customer program."""

    code = models.CharField(max_length=tenancy.CODE_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)

    class Meta:
        ordering = ("code",)
        constraints = (
            tenancy.unique("program_code_is_unique", "code"),
            tenancy.unique("program_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return self.name


class Campaign(tenancy.TenantModel):
    """One effort of one team, with a motion, a channel and dates."""

    code = models.CharField(max_length=tenancy.CODE_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    kind = models.CharField(max_length=32, choices=Kind.choices, default=Kind.OTHER)
    motion = models.CharField(
        max_length=32, choices=Motion.choices, default=Motion.DEMAND_GENERATION
    )
    channel = models.CharField(
        max_length=tenancy.CODE_LENGTH, help_text="For example direct_mail, egift, email, webinar"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    cost_center = tenancy.link("gifting.CostCenter")
    program = tenancy.link(
        "gifting.Program", null=True, blank=True, help_text="Empty when it stands alone"
    )
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True, help_text="The first day after the campaign")
    personalization = models.CharField(
        max_length=16,
        choices=catalog.Personalization.choices,
        default=catalog.Personalization.NONE,
    )

    class Meta:
        ordering = ("code",)
        constraints = (
            tenancy.unique("campaign_code_is_unique", "code"),
            tenancy.unique("campaign_public_id_is_unique", "public_id"),
            tenancy.known("campaign_kind_is_known", "kind", Kind),
            tenancy.known("campaign_motion_is_known", "motion", Motion),
            tenancy.known(
                "campaign_personalization_is_known", "personalization", catalog.Personalization
            ),
            models.CheckConstraint(
                condition=models.Q(starts_on__isnull=True)
                | models.Q(ends_on__isnull=True)
                | models.Q(starts_on__lt=models.F("ends_on")),
                name="campaign_ends_after_it_starts",
            ),
        )

    def __str__(self) -> str:
        return self.name
