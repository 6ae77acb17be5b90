"""The rules about gifts that every organization starts with. Not legal advice.

Each row says where it comes from and since when it holds; an organization has its own reviewer look
at what it relies on, and puts a version of its own in place of what it sees otherwise. A limit is
the most that is allowed, so that "from 600.00 on" is written as a limit of 599.99. LONG_AGO stands
where a limit held before anything that is recorded here.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from gifting.domain import gift_rules, money, recipients, tax
from gifting.domain.gift_rules import Action, Basis, GiftKind, Side, Window
from gifting.domain.recipients import RecipientClass

LONG_AGO: Final = dt.date(1900, 1, 1)
REVIEWER: Final = "Shipped 2026-11; not legal advice"

_FEDERAL: Final = "5 CFR 2635.204(a); splitting above $20 is not allowed"
_OPEN_PAYMENTS: Final = "CMS Open Payments, program year 2026; changes every year"
_SECTION_274: Final = "IRC 274(b); IRS Publication 463, chapter 3"
_FORM_1099: Final = "Forms 1099-NEC and 1099-MISC, reportable payments"
_BRIBERY: Final = "US FCPA and UK Bribery Act 2010: no amount is safe"
_BIM45070: Final = "HMRC Business Income Manual BIM45070"
_UK_VAT: Final = "HMRC VAT Notice 700/7: any 12 months that include the day; goods, without VAT"
_EINKOMMENSTEUER: Final = "EStG 4(5) no. 1; with branding, without shipping and recoverable tax"
_FRENCH_VAT: Final = "CGI annexe IV, art. 28-00 A; revised every 5 years: check the 2026 figure"


def _rule(
    code: str,
    amount_minor: int,
    currency: str,
    *,
    version: int = 1,
    valid_from: dt.date = LONG_AGO,
    valid_until: dt.date | None = None,
    jurisdiction: str = "",
    recipient_class: recipients.RecipientClass | None = None,
    gift_kind: gift_rules.GiftKind | None = None,
    side: Side = Side.RECIPIENT,
    window: Window = Window.PER_GIFT,
    basis: Basis = Basis.ITEM,
    is_cliff: bool = False,
    action: Action,
    source: str,
) -> gift_rules.Rule:
    return gift_rules.Rule(
        code=code,
        version=version,
        limit=money.Money(amount_minor, currency),
        window=window,
        basis=basis,
        action=action,
        jurisdiction=jurisdiction,
        side=side,
        recipient_class=recipient_class,
        gift_kind=gift_kind,
        is_cliff=is_cliff,
        valid_from=valid_from,
        valid_until=valid_until,
        source=source,
        reviewer=REVIEWER,
    )


GIFT_RULES: Final[tuple[gift_rules.Rule, ...]] = (
    _rule(
        "US-274B",
        25_00,
        "USD",
        valid_from=dt.date(1963, 1, 1),
        jurisdiction="US",
        side=Side.GIVER,
        window=Window.TAX_YEAR,
        action=Action.WARN,
        source=_SECTION_274,
    ),
    *(
        _rule(
            f"US-1099-{kind.name.replace('_', '-')}",
            limit_minor,
            "USD",
            version=version,
            valid_from=valid_from,
            jurisdiction="US",
            gift_kind=kind,
            side=Side.GIVER,
            window=Window.CALENDAR_YEAR,
            basis=Basis.GROSS,
            is_cliff=True,
            action=Action.REPORT,
            source=f"{_FORM_1099}; {note}",
        )
        for kind in (GiftKind.PRIZE_OR_SERVICE, GiftKind.CASH_EQUIVALENT)
        for version, limit_minor, valid_from, note in (
            (1, 599_99, LONG_AGO, "$600 for payments to the end of 2025"),
            (2, 1_999_99, dt.date(2026, 1, 1), "$2,000 from 2026, indexed from 2027"),
        )
    ),
    _rule(
        "US-FEDERAL-OCCASION",
        20_00,
        "USD",
        jurisdiction="US",
        recipient_class=RecipientClass.PUBLIC_OFFICIAL,
        action=Action.BLOCK,
        source=_FEDERAL,
    ),
    _rule(
        "US-FEDERAL-YEAR",
        50_00,
        "USD",
        jurisdiction="US",
        recipient_class=RecipientClass.PUBLIC_OFFICIAL,
        window=Window.CALENDAR_YEAR,
        action=Action.BLOCK,
        source=_FEDERAL,
    ),
    _rule(
        "US-OPEN-PAYMENTS-ITEM",
        13_81,
        "USD",
        valid_from=dt.date(2026, 1, 1),
        valid_until=dt.date(2027, 1, 1),
        jurisdiction="US",
        recipient_class=RecipientClass.HEALTHCARE_PROFESSIONAL,
        basis=Basis.GROSS,
        action=Action.REPORT,
        source=f"{_OPEN_PAYMENTS}: each transfer from $13.82 on",
    ),
    _rule(
        "US-OPEN-PAYMENTS-YEAR",
        138_13,
        "USD",
        valid_from=dt.date(2026, 1, 1),
        valid_until=dt.date(2027, 1, 1),
        jurisdiction="US",
        recipient_class=RecipientClass.HEALTHCARE_PROFESSIONAL,
        window=Window.CALENDAR_YEAR,
        basis=Basis.GROSS,
        is_cliff=True,
        action=Action.REPORT,
        source=f"{_OPEN_PAYMENTS}: above $138.13 a year all of them, the small ones too",
    ),
    *(
        _rule(
            "FINRA-3220",
            limit_minor,
            "USD",
            version=version,
            valid_from=valid_from,
            jurisdiction="US",
            recipient_class=RecipientClass.BROKER_DEALER,
            window=Window.CALENDAR_YEAR,
            action=Action.BLOCK,
            source="FINRA Rule 3220, aggregated over the firm",
        )
        for version, limit_minor, valid_from in (
            (1, 100_00, LONG_AGO),
            (2, 300_00, dt.date(2026, 3, 30)),
        )
    ),
    _rule(
        "OFFICIAL-CASH",
        0,
        "USD",
        recipient_class=RecipientClass.PUBLIC_OFFICIAL,
        gift_kind=GiftKind.CASH_EQUIVALENT,
        basis=Basis.LANDED,
        action=Action.BLOCK,
        source=f"{_BRIBERY}; 5 CFR 2635.204(a): no cash",
    ),
    _rule(
        "OFFICIAL-ANY",
        0,
        "USD",
        recipient_class=RecipientClass.PUBLIC_OFFICIAL,
        basis=Basis.LANDED,
        action=Action.APPROVE,
        source=f"{_BRIBERY}; open, recorded, proportionate",
    ),
    _rule(
        "GB-BIM45070",
        50_00,
        "GBP",
        jurisdiction="GB",
        side=Side.GIVER,
        window=Window.TAX_YEAR,
        basis=Basis.BRANDED,
        is_cliff=True,
        action=Action.WARN,
        source=_BIM45070,
    ),
    _rule(
        "GB-VAT",
        50_00,
        "GBP",
        jurisdiction="GB",
        side=Side.GIVER,
        window=Window.ROLLING_12M,
        basis=Basis.BRANDED,
        is_cliff=True,
        action=Action.WARN,
        source=_UK_VAT,
    ),
    *(
        _rule(
            "DE-4-5-1",
            limit_minor,
            "EUR",
            version=version,
            valid_from=valid_from,
            jurisdiction="DE",
            side=Side.GIVER,
            window=Window.BUSINESS_YEAR,
            basis=Basis.BRANDED,
            is_cliff=True,
            action=Action.WARN,
            source=_EINKOMMENSTEUER,
        )
        for version, limit_minor, valid_from in (
            (1, 35_00, LONG_AGO),
            (2, 50_00, dt.date(2024, 1, 1)),
        )
    ),
    _rule(
        "FR-VAT",
        73_00,
        "EUR",
        valid_from=dt.date(2021, 1, 1),
        jurisdiction="FR",
        side=Side.GIVER,
        window=Window.CALENDAR_YEAR,
        basis=Basis.GROSS,
        is_cliff=True,
        action=Action.WARN,
        source=_FRENCH_VAT,
    ),
)


def _tax(
    code: str,
    amount_minor: int,
    currency: str,
    *,
    levied: tax.Tax,
    shape: tax.Shape,
    window: Window,
    basis: Basis,
    version: int = 1,
    valid_from: dt.date = LONG_AGO,
    exempt_item_minor: int | None = None,
    needs_advert: bool = False,
    excluded_kinds: frozenset[gift_rules.GiftKind] = frozenset(),
    source: str,
) -> tax.Rule:
    return tax.Rule(
        code=code,
        version=version,
        tax=levied,
        shape=shape,
        limit=money.Money(amount_minor, currency),
        window=window,
        basis=basis,
        jurisdiction=code[:2],
        exempt_item_minor=exempt_item_minor,
        needs_advert=needs_advert,
        excluded_kinds=excluded_kinds,
        valid_from=valid_from,
        source=source,
        reviewer=REVIEWER,
    )


TAX_RULES: Final[tuple[tax.Rule, ...]] = (
    _tax(
        "US-274B",
        25_00,
        "USD",
        levied=tax.Tax.INCOME,
        shape=tax.Shape.CAP,
        window=Window.TAX_YEAR,
        basis=Basis.ITEM,
        valid_from=dt.date(1963, 1, 1),
        exempt_item_minor=4_00,
        source=f"{_SECTION_274}; items up to $4 with the giver's name, given widely, are exempt",
    ),
    _tax(
        "GB-BIM45070",
        50_00,
        "GBP",
        levied=tax.Tax.INCOME,
        shape=tax.Shape.CLIFF,
        window=Window.TAX_YEAR,
        basis=Basis.BRANDED,
        needs_advert=True,
        excluded_kinds=frozenset(
            {
                GiftKind.FOOD_OR_DRINK,
                GiftKind.TOBACCO,
                GiftKind.VOUCHER,
                GiftKind.CASH_EQUIVALENT,
            }
        ),
        source=f"{_BIM45070}: a conspicuous advert on the item; no food, drink, tobacco, voucher",
    ),
    _tax(
        "GB-VAT",
        50_00,
        "GBP",
        levied=tax.Tax.VAT,
        shape=tax.Shape.CLIFF,
        window=Window.ROLLING_12M,
        basis=Basis.BRANDED,
        source=f"{_UK_VAT}; above it, output tax on the total",
    ),
    *(
        _tax(
            "DE-4-5-1",
            limit_minor,
            "EUR",
            levied=tax.Tax.INCOME,
            shape=tax.Shape.CLIFF,
            window=Window.BUSINESS_YEAR,
            basis=Basis.BRANDED,
            version=version,
            valid_from=valid_from,
            source=_EINKOMMENSTEUER,
        )
        for version, limit_minor, valid_from in (
            (1, 35_00, LONG_AGO),
            (2, 50_00, dt.date(2024, 1, 1)),
        )
    ),
    _tax(
        "FR-VAT",
        73_00,
        "EUR",
        levied=tax.Tax.VAT,
        shape=tax.Shape.CLIFF,
        window=Window.CALENDAR_YEAR,
        basis=Basis.GROSS,
        valid_from=dt.date(2021, 1, 1),
        source=_FRENCH_VAT,
    ),
)
