"""Attribution on files: opportunities and touches in, credits or sums out, without a database.

The models are those of the product, from the same kernel; only the reading and the writing are of
files. Rows are put in the order of their ids first, so that shuffled files give the same bytes.
What is held is the input and some numbers for each row; credits are written piece by piece.
"""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attribution.domain import credit, decay, grouping, journey, kernel, markov, multitouch
from attribution.domain.files import (
    chains,
    deals,
    faults,
    instants,
    linking,
    results,
    rows,
    sheets,
    sums,
    touches,
)
from gifting.domain import money, refusals

ALL: Final = "all"
CUTS: Final = ("touch", "channel", "campaign")
# These two need what a file of opportunities does not have: a campaign of the CRM's, and shares.
_NOT_IN_FILES: Final = frozenset(
    {multitouch.Model.PRIMARY_CAMPAIGN_SOURCE, multitouch.Model.CUSTOM}
)
BY_NAME: Final[Mapping[str, multitouch.Model]] = {
    model.value.lower(): model for model in multitouch.Model if model not in _NOT_IN_FILES
}
MODELS: Final = (*BY_NAME, *chains.NAMES)


class ModelUnknown(refusals.Invalid):
    code = "MODEL_UNKNOWN"


class CutUnusable(refusals.Invalid):
    code = "CUT_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; `models` are names, or the one name `all`."""

    models: tuple[str, ...]
    basis: str = "won"
    by: str = "touch"
    lookback_days: int | None = None
    half_life_days: decimal.Decimal | None = None
    order: int = 1
    timezone: str = "UTC"
    as_of: str | None = None
    threads: int = 2


@dataclass(slots=True)
class Summary:
    """What was read, left out, found and written."""

    basis: str
    by: str
    models: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    opportunities_read: int = 0
    touches_read: int = 0
    repeated_rows: int = 0
    touches_of_no_opportunity: int = 0
    opportunities: int = 0
    opportunities_without_touch: int = 0
    opportunities_without_amount: int = 0
    touches_after_close: int = 0
    missing_milestones: dict[str, int] = field(default_factory=dict)
    negative_values: dict[str, list[str]] = field(default_factory=dict)
    amounts: dict[str, str] = field(default_factory=dict)
    rows_written: int = 0


Progress = Callable[[str], None]


def attribute(
    *,
    opportunities: Path,
    touches_path: Path,
    out: Path,
    request: Request,
    progress: Progress = lambda _: None,
) -> Summary:
    """Read both files, compute, and write the result.

    Raises FileUnusable, ModelUnknown, CutUnusable, BasisUnusable, NegativeAmount, ZoneUnknown,
    LookbackUnusable, HalfLifeUnusable, OrderUnusable, TooManyStates and TooManyChannels. Nothing is
    written then.
    """
    names = chosen(request)
    within = instants.zone(request.timezone)
    settings = _settings(request)
    journey.require_lookback(request.lookback_days)
    if request.as_of is not None:
        instants.named(request.as_of, within=within)
    if chains.MARKOV in names and not 1 <= request.order <= markov.HIGHEST_ORDER:
        raise markov.OrderUnusable(
            f"A chain of order {request.order} cannot be used. Give 1 to {markov.HIGHEST_ORDER}.",
            field="order",
        )
    if out.exists() and any(
        out.samefile(path) for path in (opportunities, touches_path) if path.exists()
    ):
        raise faults.FileUnusable(
            f"{out} is read from. Name another file to write to.", field="out"
        )

    progress(f"reading {opportunities.name}")
    known = deals.read(
        sheets.read(opportunities, required=deals.REQUIRED, optional=deals.OPTIONAL), within=within
    )
    progress(f"reading {touches_path.name}")
    found = touches.read(
        sheets.read(touches_path, required=touches.REQUIRED, optional=(), one_of=touches.ONE_OF),
        known,
        within=within,
    )
    summary = Summary(
        basis=request.basis,
        by=request.by,
        opportunities_read=len(known),
        touches_read=len(found),
        repeated_rows=known.repeat_count + found.repeat_count,
        touches_of_no_opportunity=found.homeless_count,
    )
    work = _Work(request, names, known, found, settings, summary, progress)
    work.write(out)
    return summary


def chosen(request: Request) -> tuple[str, ...]:
    """List the models in the order they are asked for; raises ModelUnknown and CutUnusable."""
    if request.models == (ALL,):
        return tuple(BY_NAME) if request.by == "touch" else MODELS
    for name in request.models:
        if name not in MODELS:
            raise ModelUnknown(
                f"{faults.shown(name)} is no model. Give {ALL}, or some of: {', '.join(MODELS)}.",
                field="model",
            )
        if name in chains.NAMES and request.by == "touch":
            raise CutUnusable(
                f"{name} answers for channels and campaigns, not for touches. Add --by channel or "
                "--by campaign.",
                field="by",
            )
    return tuple(dict.fromkeys(request.models))


def _settings(request: Request) -> multitouch.Settings:
    if request.half_life_days is None:
        return multitouch.DEFAULTS
    half_life = decay.half_life_microseconds(request.half_life_days)
    return multitouch.Settings(half_life=half_life, step=half_life)


@dataclass(frozen=True)
class _Work:
    """One computation, from what was read to what is written."""

    request: Request
    names: tuple[str, ...]
    known: deals.Deals
    found: touches.Touches
    settings: multitouch.Settings
    summary: Summary
    progress: Progress

    def write(self, out: Path) -> None:
        self.progress("matching touches to opportunities")
        status = deals.STATUSES.index(self.request.basis)
        linked = self._link(self.known.status == status)
        self._describe(linked)
        shares = self._chain_shares()
        names = [name for name in self.names if name not in self.summary.left_out]
        self.summary.models = names
        if self.request.by == "touch":
            self._write_touches(out, linked, names)
        else:
            self._write_sums(out, linked, names, shares)

    def _link(self, is_wanted: NDArray[np.bool_]) -> linking.Linked:
        return linking.link(
            self.known,
            self.found,
            is_wanted,
            as_of=self.as_of,
            lookback_days=self.request.lookback_days,
            threads=self.request.threads,
        )

    @property
    def as_of(self) -> int:
        """Give the instant at which open deals are looked at: the latest touch unless named."""
        if self.request.as_of is not None:
            return instants.named(self.request.as_of, within=instants.zone(self.request.timezone))
        return int(self.found.occurred_at.max()) if len(self.found) else 0

    def _describe(self, linked: linking.Linked) -> None:
        own, timelines = linked.opportunities, linked.timelines
        self.summary.opportunities = len(own)
        self.summary.opportunities_without_touch = int((timelines.stop == timelines.start).sum())
        self.summary.opportunities_without_amount = int((~own.has_amount).sum())
        self.summary.touches_after_close = int(
            (timelines.account_end - timelines.after_close).sum()
        )
        for number, code in enumerate(self.known.currency_codes):
            is_own = (self.known.currency[linked.deal] == number) & own.has_amount
            if is_own.any():
                total = grouping.exact_total(own.amount_minor[is_own])
                self.summary.amounts[code] = _text(total, code)

    def _write_touches(self, out: Path, linked: linking.Linked, names: Sequence[str]) -> None:
        texts = rows.Texts.of(self.known, self.found, is_csv=not sheets.is_parquet(out))
        columns = ("model", "opportunity_id", "touch_id", "channel", "campaign")
        with results.Output(out, columns) as output, kernel.Threads(self.request.threads) as pool:
            for name in names:
                self.progress(f"computing {name}")
                compute = functools.partial(self._touch_piece, name, linked, texts, output)
                for encoded, incomplete in pool.map(compute, linked.pieces(self.settings)):
                    output.write(encoded)
                    self._flag(name, incomplete)
        self.summary.rows_written = output.row_count

    def _touch_piece(
        self,
        name: str,
        linked: linking.Linked,
        texts: rows.Texts,
        output: results.Output,
        piece: linking.Piece,
    ) -> tuple[object, int]:
        deal, case = piece
        given = credit.share(BY_NAME[name], case)
        listed = rows.Rows.of(given, case)
        own = deal[listed.opportunity]
        block = results.Block(
            names=texts.names(name, own, linked.touch[listed.touch]),
            weight=listed.weight,
            credit_minor=listed.credit_minor,
            has_credit=case.opportunities.has_amount[listed.opportunity],
            exponent=self.known.exponent[own],
            currency=texts.currency.take(pa.array(self.known.currency[own])),
        )
        return output.encode(block), len(given.incomplete)

    def _write_sums(
        self,
        out: Path,
        linked: linking.Linked,
        names: Sequence[str],
        shares: Mapping[str, chains.Shares],
    ) -> None:
        with results.Output(out, ("model", self.request.by)) as output:
            for name in names:
                self.progress(f"computing {name}")
                if name in shares:
                    output.write_rows(
                        chains.rows(name, linked, self.known, self.groups, shares[name])
                    )
                else:
                    output.write_rows(self._sum_rows(name, linked))
        self.summary.rows_written = output.row_count

    @property
    def groups(self) -> touches.Groups:
        return self.found.channel if self.request.by == "channel" else self.found.campaign

    def _sum_rows(self, name: str, linked: linking.Linked) -> list[results.Row]:
        codes = len(self.known.currency_codes)
        rest = len(self.groups.names)
        found = sums.Sums((rest + 1) * max(codes, 1))
        group = self.groups.number[linked.touch[:-1]]
        with kernel.Threads(self.request.threads) as pool:
            share = functools.partial(_shared, BY_NAME[name])
            for deal, case, given in pool.map(share, linked.pieces(self.settings)):
                currency = self.known.currency[deal]
                has_amount = case.opportunities.has_amount
                found.add(
                    group[given.touch] * codes + currency[given.opportunity],
                    given.weight / given.weight_sum,
                    given.amount_minor,
                    has_amount[given.opportunity],
                )
                left = given.unattributed
                found.add(
                    rest * codes + currency[left],
                    np.ones(len(left)),
                    case.opportunities.amount_minor[left],
                    has_amount[left],
                )
                self._flag(name, len(given.incomplete))
        return [
            self._row(name, place, number, found)
            for place in range(rest + 1)
            for number in self._currencies(linked)
            if place == rest or found.has_rows(place * codes + number)
        ]

    def _row(self, name: str, place: int, number: int, found: sums.Sums) -> results.Row:
        key = place * len(self.known.currency_codes) + number
        code = self.known.currency_codes[number]
        group = (*self.groups.names, touches.UNATTRIBUTED)[place]
        return results.Row(
            names=(name, group),
            weight=found.weight(key),
            credit_minor=found.credit_minor(key) if found.is_given(key) else None,
            exponent=money.exponent(code),
            currency=code,
        )

    def _currencies(self, linked: linking.Linked) -> list[int]:
        return [int(number) for number in np.unique(self.known.currency[linked.deal])]

    def _flag(self, name: str, incomplete: int) -> None:
        if incomplete:
            self.summary.missing_milestones[name] = (
                self.summary.missing_milestones.get(name, 0) + incomplete
            )

    def _chain_shares(self) -> dict[str, chains.Shares]:
        """Solve the data-driven models; one that the data does not allow is left out of `all`."""
        found: dict[str, chains.Shares] = {}
        asked = [name for name in self.names if name in chains.NAMES]
        if not asked:
            return found
        try:
            chains.require(self.known, self.request.basis)
        except chains.REFUSALS as no:
            self._leave_out(asked, no)
            return found
        closed = self._link(self.known.status != deals.OPEN)
        for name in asked:
            self.progress(f"solving {name}")
            try:
                found[name] = chains.solve(
                    name, closed, self.known.status, self.groups, self.request.order
                )
            except chains.REFUSALS as no:
                self._leave_out([name], no)
                continue
            if found[name].negative:
                self.summary.negative_values[name] = list(found[name].negative)
        return found

    def _leave_out(self, names: Sequence[str], no: refusals.Refusal) -> None:
        if self.request.models != (ALL,):
            raise no
        self.summary.left_out |= dict.fromkeys(names, no.message)


def _text(minor: int, code: str) -> str:
    places = money.exponent(code)
    return f"{decimal.Context(prec=60).scaleb(decimal.Decimal(minor), -places):.{places}f}"


def _shared(
    model: multitouch.Model, piece: linking.Piece
) -> tuple[NDArray[np.int64], multitouch.Case, credit.Credits]:
    deal, case = piece
    return deal, case, credit.share(model, case)
