"""Files give what the slow oracle gives, to the last unit, in any order of their rows."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import hypothesis
from hypothesis import strategies as st

from attribution.domain.files import analysis
from gifting.domain import currencies
from tests.properties import attribution_oracle as oracle
from tests.properties.attribution_oracle import Deal, Touch

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NEAR = Fraction(1, 10**9)

moments = st.integers(0, 200).map(lambda hour: hour * 12 * 3_600_000_000)
codes = st.sampled_from(["USD", "JPY", "KWD"])
amounts = st.none() | st.integers(-500, 500) | st.integers(-(2**63), 2**63 - 1)


@st.composite
def companies(draw: st.DrawFn) -> tuple[list[Deal], list[str], list[Touch], list[int | None]]:
    """Draw won deals with their currencies, and touches of accounts or of single deals."""
    deals = [
        Deal(
            number,
            draw(st.integers(0, 2)),
            draw(moments),
            draw(amounts),
            opened_at=draw(moments),
            lead_created_at=draw(st.none() | moments),
        )
        for number in range(draw(st.integers(1, 5)))
    ]
    touches = [
        Touch(number, draw(st.integers(0, 3)), draw(moments), channel=draw(st.integers(0, 2)))
        for number in range(draw(st.integers(0, 9)))
    ]
    owners = [draw(st.none() | st.integers(0, len(deals))) for _ in touches]
    return deals, [draw(codes) for _ in deals], touches, owners


def text(moment: int | None) -> str:
    return "" if moment is None else (EPOCH + dt.timedelta(microseconds=moment)).isoformat()


def decimal_text(minor: int | None, code: str) -> str:
    places = currencies.EXPONENTS[code]
    return "" if minor is None else f"{Decimal(minor).scaleb(-places):.{places}f}"


def write(path: Path, header: str, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header.split(","), *rows])


def attributed(
    folder: Path, deals: Sequence[Sequence[str]], touches: Sequence[Sequence[str]]
) -> bytes:
    write(
        folder / "deals.csv",
        "opportunity_id,account_id,created_at,closed_at,status,amount,currency,lead_created_at",
        deals,
    )
    write(
        folder / "touches.csv",
        "touch_id,opportunity_id,account_id,channel,campaign,touched_at",
        touches,
    )
    analysis.attribute(
        opportunities=folder / "deals.csv",
        touches_path=folder / "touches.csv",
        out=folder / "out.csv",
        request=analysis.Request(models=(analysis.ALL,)),
    )
    return (folder / "out.csv").read_bytes()


@hypothesis.given(company=companies(), data=st.data())
@hypothesis.settings(max_examples=25, deadline=None)
def test_rows_of_files_equal_the_oracle_in_any_order(
    company: tuple[list[Deal], list[str], list[Touch], list[int | None]], data: st.DataObject
) -> None:
    deals, currency, touches, owners = company
    deal_rows = [
        [
            *(f"O{deal.id}", f"A{deal.account}", text(deal.opened_at), text(deal.closed_at), "won"),
            *(decimal_text(deal.amount_minor, code), code, text(deal.lead_created_at)),
        ]
        for deal, code in zip(deals, currency, strict=True)
    ]
    touch_rows = [
        [
            *(f"T{touch.id}", "" if owner is None else f"O{owner}", f"A{touch.account}"),
            *(f"channel {touch.channel}", "", text(touch.occurred_at)),
        ]
        for touch, owner in zip(touches, owners, strict=True)
    ]
    shuffled = data.draw(st.permutations(deal_rows)), data.draw(st.permutations(touch_rows))

    with tempfile.TemporaryDirectory() as folder:
        found = attributed(Path(folder), deal_rows, touch_rows)
        again = attributed(Path(folder), *shuffled)

    assert again == found
    expected = expected_rows(deals, currency, touches, owners)
    rows = [row for row in csv.reader(found.decode().splitlines()) if row[0] != "model"]
    assert [(row[0], row[1], row[2]) for row in rows] == [row[:3] for row in expected]
    for row, (*_, share, minor, code) in zip(rows, expected, strict=True):
        assert abs(Fraction(row[5]) - share) < NEAR
        assert row[6:] == [decimal_text(minor, code), code]


def expected_rows(
    deals: list[Deal], currency: list[str], touches: list[Touch], owners: list[int | None]
) -> list[tuple[str, str, str, Fraction, int | None, str]]:
    rows = []
    for name, model in analysis.BY_NAME.items():
        for deal, code in zip(deals, currency, strict=True):
            own = [
                Touch(touch.id, deal.account, touch.occurred_at, touch.channel)
                for touch, owner in zip(touches, owners, strict=True)
                if owner == deal.id or (owner is None and touch.account == deal.account)
            ]
            path = oracle.journey_of(deal, own, as_of=0, lookback_days=None)
            if not path:
                rows.append((name, f"O{deal.id}", "", Fraction(1), deal.amount_minor, code))
                continue
            shares = oracle.SHARES[model](deal, path, deal.closed_at or 0, oracle.Choices())
            units = oracle.divide(deal.amount_minor or 0, shares)
            rows += [
                (
                    name,
                    f"O{deal.id}",
                    f"T{touch.id}",
                    share,
                    None if deal.amount_minor is None else unit,
                    code,
                )
                for touch, share, unit in zip(path, shares, units, strict=True)
                if share
            ]
    return rows
