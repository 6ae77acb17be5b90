"""The book of one run: its credits as rows, and their sums by every dimension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import sql

from attribution import models
from attribution.domain import binary_copy, credit, grouping, journey, kernel, multitouch
from attribution.selectors import journeys

CREDITS_ROLE: Final = "tribute_credits"

_COLUMNS: Final = (
    binary_copy.Column("organization_id", "V16"),
    binary_copy.Column("run_id", "i8"),
    binary_copy.Column("opportunity_id", "i8"),
    binary_copy.Column("touchpoint_id", "i8"),
    binary_copy.Column("weight", "i8"),
    binary_copy.Column("weight_total", "i8"),
    binary_copy.Column("amount_minor", "i8"),
    binary_copy.Column("currency", "S3"),
)
_UNATTRIBUTED_COLUMNS: Final = tuple(
    binary_copy.Column(column.name, binary_copy.NULL) if column.name == "touchpoint_id" else column
    for column in _COLUMNS
)
_COPY: Final = sql.SQL("COPY attribution_credit ({}) FROM STDIN (FORMAT binary)").format(
    sql.SQL(", ").join(sql.Identifier(column.name) for column in _COLUMNS)
)


class DealCut(NamedTuple):
    """The dimensions that an opportunity brings."""

    fiscal_period: int
    currency: str


class TouchCut(NamedTuple):
    """The dimensions that a touch brings."""

    campaign: int | None
    vendor: int | None
    cost_center: int | None
    channel: str


Key = tuple[DealCut, TouchCut | None]  # what one row of the rollup sums; None is unattributed


@dataclass(frozen=True, slots=True)
class Cuts:
    """The dimensions of a batch, numbered: each opportunity and touch points at its own."""

    deal_cuts: tuple[DealCut, ...]
    cut_of_deal: npt.NDArray[np.int64]
    touch_cuts: tuple[TouchCut, ...]
    cut_of_touch: npt.NDArray[np.int64]
    currency_of_deal: npt.NDArray[np.bytes_]

    @classmethod
    def of(cls, batch: journeys.Batch) -> Self:
        """Give a number to each distinct combination of dimensions in a batch."""
        deals, touches = batch.opportunities, batch.touches
        deal_rows, cut_of_deal = _number(deals, ("fiscal_period", "currency"))
        touch_rows, cut_of_touch = _number(
            touches, ("campaign", "vendor", "cost_center", "channel")
        )
        return cls(
            deal_cuts=tuple(DealCut(period, currency.decode()) for period, currency in deal_rows),
            cut_of_deal=cut_of_deal,
            touch_cuts=tuple(
                TouchCut(
                    campaign or None, vendor or None, center or None, batch.channels[place - 1]
                )
                for campaign, vendor, center, place in touch_rows
            ),
            cut_of_touch=cut_of_touch,
            currency_of_deal=deals["currency"],
        )


@dataclass(slots=True)
class Book:
    """Credits of one model, waiting to be written, and the sums of all that came before."""

    organization_id: UUID
    run_id: int
    model: multitouch.Model
    opportunity_count: int = 0
    touchpoint_count: int = 0
    credit_count: int = 0
    missing_amount_count: int = 0
    missing_milestone_count: int = 0
    _digest: int = 0
    _sums: dict[Key, list[int]] = field(default_factory=dict)
    _rows: list[bytes] = field(default_factory=list)
    _is_touched: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    _touch_ids: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def open_batch(self, touches: journey.Touches) -> None:
        """Begin with other accounts; the parts of one huge account share its touches."""
        self.close_batch()
        self._is_touched = np.zeros(len(touches), dtype=np.bool_)
        self._touch_ids = touches.id

    def close_batch(self) -> None:
        """Count the touchpoints of the batch that earned anything, each once."""
        # A touch stands in several rows when it belongs to several opportunities by their roles.
        self.touchpoint_count += len(np.unique(self._touch_ids[self._is_touched]))
        self._is_touched = np.zeros(0, dtype=np.bool_)
        self._touch_ids = np.zeros(0, dtype=np.int64)

    def add(
        self,
        part: kernel.Batch,
        deals: journey.Opportunities,
        touches: journey.Touches,
        cuts: Cuts,
    ) -> None:
        """Take in the credits of some opportunities."""
        given = part.credits[self.model]
        self.opportunity_count += len(part.opportunity)
        self.missing_amount_count += len(part.missing_amount)
        self.missing_milestone_count += len(given.incomplete)
        self._is_touched[given.touch] = True
        self.credit_count += len(given) + len(given.unattributed)
        self._digest = (self._digest + credit.digest(given, deals, touches)) % 2**64
        self._rows += self._as_rows(given, deals, touches, cuts)
        self._sum_attributed(given, cuts)
        self._sum_unattributed(given, deals, cuts)

    def take_rows(self) -> list[bytes]:
        """Hand over the rows that were not written yet."""
        rows, self._rows = self._rows, []
        return rows

    def fingerprint(self) -> list[Any]:
        """Return what two runs must share to say the same."""
        rows = sorted(
            [
                [*deal, *(part or 0 for part in touch or ("",)), *sums]
                for (deal, touch), sums in self._sums.items()
            ],
            key=str,
        )
        return [f"{self._digest:016x}", rows]

    def write_sums(self) -> None:
        """Write the rollup and the totals of the run."""
        models.CreditRollup.objects.bulk_create(
            [
                models.CreditRollup(
                    organization_id=self.organization_id,
                    run_id=self.run_id,
                    fiscal_period_id=deal.fiscal_period,
                    campaign_id=touch.campaign if touch else None,
                    vendor_id=touch.vendor if touch else None,
                    cost_center_id=touch.cost_center if touch else None,
                    channel=touch.channel if touch else "",
                    is_unattributed=touch is None,
                    currency=deal.currency,
                    amount_minor=amount_minor,
                    touch_count=touch_count,
                )
                for (deal, touch), (amount_minor, touch_count) in self._sums.items()
            ],
            batch_size=1_000,
        )
        models.AttributionTotal.objects.bulk_create(self._totals())

    def _totals(self) -> Iterator[models.AttributionTotal]:
        for currency in sorted({deal.currency for deal, _ in self._sums}):
            attributed = self._total(currency, is_unattributed=False)
            unattributed = self._total(currency, is_unattributed=True)
            yield models.AttributionTotal(
                organization_id=self.organization_id,
                run_id=self.run_id,
                currency=currency,
                won_revenue_minor=attributed + unattributed,
                attributed_minor=attributed,
                unattributed_minor=unattributed,
            )

    def _total(self, currency: str, *, is_unattributed: bool) -> int:
        return sum(
            amount_minor
            for (deal, touch), (amount_minor, _) in self._sums.items()
            if deal.currency == currency and (touch is None) == is_unattributed
        )

    def _as_rows(
        self,
        given: credit.Credits,
        deals: journey.Opportunities,
        touches: journey.Touches,
        cuts: Cuts,
    ) -> Iterator[bytes]:
        constant: dict[str, binary_copy.Value] = {
            "organization_id": self.organization_id.bytes,
            "run_id": self.run_id,
        }
        yield binary_copy.write(
            _COLUMNS,
            {
                **constant,
                "opportunity_id": deals.id[given.opportunity],
                "touchpoint_id": touches.id[given.touch],
                "weight": given.weight,
                "weight_total": given.weight_sum,
                "amount_minor": given.amount_minor,
                "currency": cuts.currency_of_deal[given.opportunity],
            },
            len(given),
        )
        rest = given.unattributed
        yield binary_copy.write(
            _UNATTRIBUTED_COLUMNS,
            {
                **constant,
                "opportunity_id": deals.id[rest],
                "weight": 0,
                "weight_total": 0,
                "amount_minor": deals.amount_minor[rest],
                "currency": cuts.currency_of_deal[rest],
            },
            len(rest),
        )

    def _sum_attributed(self, given: credit.Credits, cuts: Cuts) -> None:
        width = max(len(cuts.touch_cuts), 1)
        pairs = cuts.cut_of_deal[given.opportunity] * width + cuts.cut_of_touch[given.touch]
        for pair, amount_minor, count in _sum_by_key(pairs, given.amount_minor):
            deal_cut, touch_cut = cuts.deal_cuts[pair // width], cuts.touch_cuts[pair % width]
            self._add((deal_cut, touch_cut), amount_minor, count)

    def _sum_unattributed(
        self, given: credit.Credits, deals: journey.Opportunities, cuts: Cuts
    ) -> None:
        rest = given.unattributed
        for cut, amount_minor, _ in _sum_by_key(cuts.cut_of_deal[rest], deals.amount_minor[rest]):
            self._add((cuts.deal_cuts[cut], None), amount_minor, 0)

    def _add(self, key: Key, amount_minor: int, count: int) -> None:
        sums = self._sums.setdefault(key, [0, 0])
        sums[0] += amount_minor
        sums[1] += count


def write(books: Sequence[Book]) -> None:
    """Copy the waiting credits in, under the role that may do nothing else.

    The role passes row-level security, which COPY into a protected table cannot; the run's own
    checks prove that no row of another organization came in.
    """
    rows = [row for book in books for row in book.take_rows()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        role = cursor.fetchone()[0]
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(CREDITS_ROLE)))
        with cursor.copy(_COPY) as target:
            for part in binary_copy.whole(rows):
                target.write(part)
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))


def _number(
    columns: Mapping[str, npt.NDArray[Any]], names: Sequence[str]
) -> tuple[list[tuple[Any, ...]], npt.NDArray[np.int64]]:
    """List the distinct rows of some columns, and for each row the place of its own."""
    place = np.zeros(len(columns[names[0]]), dtype=np.int64)
    for name in names:
        distinct, own = np.unique(columns[name], return_inverse=True)
        place = np.unique(place * len(distinct) + own, return_inverse=True)[1]
    first = np.unique(place, return_index=True)[1]
    return list(zip(*(columns[name][first].tolist() for name in names), strict=True)), place


def _sum_by_key(
    keys: npt.NDArray[np.int64], amounts_minor: npt.NDArray[np.int64]
) -> Iterator[tuple[int, int, int]]:
    distinct, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    sums = grouping.sum_by(place, amounts_minor, len(distinct))
    yield from zip(distinct.tolist(), sums.tolist(), counts.tolist(), strict=True)
