"""The gift catalog: what can be sent, from which vendor, at which list price."""

from __future__ import annotations

from django.db import models

from gifting.models import tenancy


class Personalization(models.TextChoices):
    """How much a gift or a campaign is made for the one who receives it."""

    NONE = "NONE", "Generic"
    BRANDED = "BRANDED", "Carries the sender's brand"
    SEGMENT = "SEGMENT", "Chosen for a segment"
    INDIVIDUAL = "INDIVIDUAL", "Chosen for the person"


class GiftItem(tenancy.TenantModel):
    """A thing that a vendor sells as a gift."""

    vendor = tenancy.link("gifting.Vendor")
    sku = models.CharField(max_length=tenancy.CODE_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    list_price_amount_minor = models.BigIntegerField(help_text="Minor units of the currency")
    currency = tenancy.currency_field()
    personalization = models.CharField(
        max_length=16, choices=Personalization.choices, default=Personalization.NONE
    )

    class Meta:
        ordering = ("name",)
        constraints = (
            tenancy.unique("gift_item_sku_is_unique", "vendor", "sku"),
            tenancy.unique("gift_item_public_id_is_unique", "public_id"),
            tenancy.known("gift_item_personalization_is_known", "personalization", Personalization),
            tenancy.currency_code("gift_item_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(list_price_amount_minor__gte=0),
                name="gift_item_price_is_not_negative",
            ),
        )

    def __str__(self) -> str:
        return self.name
