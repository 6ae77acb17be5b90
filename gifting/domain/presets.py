"""The money timing of known vendors, each row with the source that it was read in.

They are a start, not a promise: an organization adds those that it buys from, with the day from
which they hold, and corrects them by its contract. Where a source does not say what comes back,
nothing does until the vendor posts a refund.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gifting.domain.timing import Effect, GiftKind, Release, Return, Returnable, Terms


@dataclass(frozen=True, slots=True)
class Preset:
    """Terms of one vendor for one kind of gift, in words and as data."""

    code: str
    vendor: str
    gift_kind: GiftKind
    terms: Terms
    says: str
    source: str


PRESETS: Final = (
    Preset(
        "SENDOSO_EGIFT",
        "Sendoso",
        GiftKind.EGIFT,
        Terms(
            at_offer=Effect.CHARGE,
            on_expiry=Return.FUNDS,
            on_failure=Return.FUNDS,
            returns_while=Returnable.UNOPENED,
        ),
        "Charged in full at send; given back if never opened by its expiry, or bounced.",
        "Sendoso support, article 5744694093851",
    ),
    Preset(
        "SENDOSO_PHYSICAL",
        "Sendoso",
        GiftKind.PHYSICAL,
        Terms(
            at_offer=Effect.ACCRUE,
            at_shipping=Effect.CHARGE,
            on_decline=Return.FUNDS,
            on_expiry=Return.FUNDS,
            on_cancel=Return.FUNDS,
        ),
        "An estimate at submission, adjusted at shipping; given back when cancelled. Articles "
        "disagree on undeliverable ones: they stay a cost until a refund posts.",
        "Sendoso support, articles 33957665332123, 16734700955675 and 4403316664859",
    ),
    Preset(
        "REACHDESK",
        "Reachdesk",
        GiftKind.ANY,
        Terms(
            at_fulfillment=Effect.CHARGE,
            on_decline=Return.FUNDS,
            on_expiry=Return.FUNDS,
            on_cancel=Return.FUNDS,
        ),
        "Pending counts against the limit; the processed cost is charged; a cancellation or refund "
        "goes to the wallet in the month it posts.",
        "Reachdesk help, article 10032779426321; API description, transaction types",
    ),
    Preset(
        "ALYCE",
        "Alyce",
        GiftKind.ANY,
        Terms(at_acceptance=Effect.ACCRUE, at_fulfillment=Effect.CHARGE),
        "Nothing until it is accepted; bought two or three days later.",
        "Alyce help, articles 196 and 427",
    ),
    Preset(
        "POSTAL_EMAIL",
        "Postal",
        GiftKind.EGIFT,
        Terms(
            at_offer=Effect.CHARGE,
            on_expiry=Return.FUNDS,
            on_cancel=Return.FUNDS,
            on_failure=Return.FUNDS,
        ),
        "Taken from budget and balance at send; given back when the mail expires, is cancelled or "
        "fails.",
        "Postal help, article 5436568",
    ),
    Preset(
        "POSTAL_MAGICLINK",
        "Postal",
        GiftKind.LINK,
        Terms(at_acceptance=Effect.CHARGE),
        "Nothing until somebody accepts.",
        "Postal help, article 5436568",
    ),
    Preset(
        "ANDOPEN_MARKETPLACE",
        "&Open",
        GiftKind.MARKETPLACE,
        Terms(at_acceptance=Effect.CHARGE, fee_rate=500),
        "Nothing unless it is redeemed; then the gift, a fee of 5% and the vendor's shipping.",
        "&Open help, article 6650515",
    ),
    Preset(
        "SNAPPY_PREPAID",
        "Snappy",
        GiftKind.ANY,
        Terms(at_acceptance=Effect.CHARGE, tax_rate=1_000, leftover=Release.NEXT_MONTH),
        "Holds the budget, the fee and 10% for tax; charges what was claimed with its real tax. "
        "The difference comes back on the first working day of the next month.",
        "Snappy help, article 7211662",
    ),
    Preset(
        "LOOP_AND_TIE",
        "Loop & Tie",
        GiftKind.ANY,
        Terms(
            at_offer=Effect.CHARGE,
            on_expiry=Return.CREDIT,
            on_cancel=Return.CREDIT,
            refunds_as=Return.CREDIT,
            returns_while=Returnable.UNREDEEMED,
            credit_days=365,
        ),
        "Charged in full; what is not redeemed comes back as a credit that dies after one year.",
        "Loop & Tie guides, what-is-lt-credit",
    ),
    Preset(
        "BHN_REWARDS",
        "BHN Rewards",
        GiftKind.EGIFT,
        Terms(
            at_offer=Effect.CHARGE,
            on_expiry=Return.FUNDS,
            returns_while=Returnable.UNREDEEMED,
        ),
        "Charged in full; given back whole when it is not claimed in the claim window.",
        "BHN Rewards (Rybbon), public description of its API and pricing",
    ),
    Preset(
        "TANGO_CHOICE",
        "Tango",
        GiftKind.CHOICE,
        Terms(
            at_offer=Effect.CHARGE,
            on_cancel=Return.FUNDS,
            returns_while=Returnable.UNREDEEMED,
            returns_within_days=5,
        ),
        "Charged in full; given back when it is cancelled within five days and not redeemed.",
        "Tango, help.rewardsgenius.com, cancelling a choice product",
    ),
)
BY_CODE: Final = {preset.code: preset for preset in PRESETS}
