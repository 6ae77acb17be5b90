"""Money timing: when a vendor takes the money for a kind of gift, and what it gives back.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/send_money.sql`): two rows of one vendor and
kind never hold on one day (`money_timing_days_do_not_overlap`); a row is never changed but to end
it, and a send keeps the row that held on the day of its request.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models

from gifting.domain import timing
from gifting.models import tenancy

SOURCE_LENGTH = 255
ENDS = ("on_decline", "on_expiry", "on_cancel", "on_undeliverable", "on_failure", "refunds_as")
_EFFECTS = [effect.value for effect in timing.Effect]
_RETURNS = [back.value for back in timing.Return]
MOMENTS = ("at_offer", "at_acceptance", "at_fulfillment", "at_shipping", "at_delivery")


def _effect(help_text: str) -> models.CharField[Any, Any]:
    return models.CharField(
        max_length=16,
        choices=tenancy.labels(timing.Effect),
        default=timing.Effect.NOTHING.value,
        help_text=help_text,
    )


def _return(help_text: str, default: timing.Return = timing.Return.NOTHING) -> Any:
    return models.CharField(
        max_length=16,
        choices=tenancy.labels(timing.Return),
        default=default.value,
        help_text=help_text,
    )


class MoneyTiming(tenancy.TenantModel):
    """The terms of a vendor for a kind of gift, on the days that they hold."""

    vendor = tenancy.link("gifting.Vendor")
    gift_kind = models.CharField(
        max_length=16,
        choices=tenancy.labels(timing.GiftKind),
        default=timing.GiftKind.ANY.value,
        help_text="Any holds for kinds without a row of their own",
    )
    starts_on = models.DateField(help_text="The first day on which the terms hold")
    ends_on = models.DateField(null=True, blank=True, help_text="The first day after them")
    at_offer = _effect("What an offer, or a sent gift, owes")
    at_acceptance = _effect("What an acceptance owes")
    at_fulfillment = _effect("What buying or packing it owes")
    at_shipping = _effect("What shipping owes")
    at_delivery = _effect("What delivery owes")
    on_decline = _return("As what the money comes back when the gift is declined")
    on_expiry = _return("As what it comes back when the offer expires")
    on_cancel = _return("As what it comes back when the send is cancelled")
    on_undeliverable = _return("As what it comes back when the gift cannot be delivered")
    on_failure = _return("As what it comes back when the send fails")
    refunds_as = _return("As what the vendor gives refunds", timing.Return.FUNDS)
    returns_while = models.CharField(
        max_length=16,
        choices=tenancy.labels(timing.Returnable),
        default=timing.Returnable.ALWAYS.value,
        help_text="Until when an end gives money back",
    )
    returns_within_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Days after the charge; empty means always"
    )
    credit_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long a credit lives; empty means for ever"
    )
    leftover = models.CharField(
        max_length=16,
        choices=tenancy.labels(timing.Release),
        default=timing.Release.AT_ONCE.value,
        help_text="When the reserve that a charge leaves over comes back",
    )
    fee_rate = models.PositiveSmallIntegerField(
        default=0, help_text="Fee on the item in estimates, in hundredths of a percent"
    )
    tax_rate = models.PositiveSmallIntegerField(
        default=0, help_text="Tax on item and fee in estimates, in hundredths of a percent"
    )
    source = models.CharField(max_length=SOURCE_LENGTH, help_text="Where the terms were read")

    class Meta:
        ordering = ("vendor", "gift_kind", "starts_on")
        constraints = (
            tenancy.unique("money_timing_public_id_is_unique", "public_id"),
            tenancy.known("money_timing_kind_is_known", "gift_kind", timing.GiftKind),
            tenancy.known("money_timing_window_is_known", "returns_while", timing.Returnable),
            tenancy.known("money_timing_leftover_is_known", "leftover", timing.Release),
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__in": _EFFECTS for name in MOMENTS}),
                name="money_timing_effects_are_known",
            ),
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__in": _RETURNS for name in ENDS}),
                name="money_timing_returns_are_known",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True)
                | models.Q(ends_on__gt=models.F("starts_on")),
                name="money_timing_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=models.Q(fee_rate__lte=timing.FULL_RATE, tax_rate__lte=timing.FULL_RATE),
                name="money_timing_rates_are_parts",
            ),
            models.CheckConstraint(
                condition=~models.Q(source=""), name="money_timing_has_a_source"
            ),
            ExclusionConstraint(
                name="money_timing_days_do_not_overlap",
                expressions=[
                    ("organization", RangeOperators.EQUAL),
                    ("vendor", RangeOperators.EQUAL),
                    ("gift_kind", RangeOperators.EQUAL),
                    (
                        models.Func("starts_on", "ends_on", function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        )

    def __str__(self) -> str:
        return f"{self.gift_kind} from {self.starts_on}"
