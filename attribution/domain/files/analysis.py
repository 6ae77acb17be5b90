"""Attribution on files: opportunities and touches in, credits or sums out, without a database.

The models are those of the product, from the same kernel; only the reading and the writing are of
files. Rows are put in the order of their ids first, so that shuffled files give the same bytes.
What is held is the input and some numbers for each row; credits are written piece by piece.
"""

from __future__ import annotations

import datetime as dt
import decimal
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attribution.domain import credit, decay, journey, kernel, markov, multitouch, shapley
from attribution.domain.files import deals, faults, instants, results, sheets, sums, touches
from gifting.domain import money, refusals

PAIRS_PER_PIECE: Final = 262_144
MARKOV, SHAPLEY = "markov", "shapley"
ALL: Final = "all"
CUTS: Final = ("touch", "channel", "campaign")
# These two need what a file of opportunities does not have: a campaign of the CRM's, and shares.
_NOT_IN_FILES: Final = frozenset(
    {multitouch.Model.PRIMARY_CAMPAIGN_SOURCE, multitouch.Model.CUSTOM}
)
BY_NAME: Final[Mapping[str, multitouch.Model]] = {
    model.value.lower(): model for model in multitouch.Model if model not in _NOT_IN_FILES
}
CHAINS: Final = (MARKOV, SHAPLEY)
MODELS: Final = (*BY_NAME, *CHAINS)


class ModelUnknown(refusals.Invalid):
    code = "MODEL_UNKNOWN"


class CutUnusable(refusals.Invalid):
    code = "CUT_UNUSABLE"


class BasisUnusable(refusals.Invalid):
    code = "BASIS_UNUSABLE"


class NegativeAmount(refusals.Invalid):
    code = "NEGATIVE_AMOUNT"


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
    as_of: dt.datetime | None = None
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
    if MARKOV in names and not 1 <= request.order <= markov.HIGHEST_ORDER:
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
        if name in CHAINS and request.by == "touch":
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


@dataclass(frozen=True, slots=True)
class _Linked:
    """Some deals with their touches and journeys; `touch` are rows of all touches."""

    deal: NDArray[np.int64]
    touch: NDArray[np.int64]
    opportunities: journey.Opportunities
    touches: journey.Touches
    timelines: journey.Timelines


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
        shares = {name: self._chain_shares(name) for name in self.names if name in CHAINS}
        names = [name for name in self.names if name not in self.summary.left_out]
        self.summary.models = names
        if self.request.by == "touch":
            self._write_touches(out, linked, names)
        else:
            self._write_sums(out, linked, names, shares)

    def _link(self, is_wanted: NDArray[np.bool_]) -> _Linked:
        deal = np.flatnonzero(is_wanted)
        opportunities, own, rows = touches.linked(self.known, self.found, deal)
        timelines = kernel.timelines(
            opportunities,
            own,
            as_of=self.as_of,
            lookback_days=self.request.lookback_days,
            threads=self.request.threads,
        )
        return _Linked(deal, rows, opportunities, own, timelines)

    @property
    def as_of(self) -> int:
        """Give the instant at which open deals are looked at: the latest touch unless named."""
        if self.request.as_of is not None:
            return instants.parse(
                self.request.as_of.isoformat(), within=instants.zone(self.request.timezone)
            )
        return int(self.found.occurred_at.max()) if len(self.found) else 0

    def _describe(self, linked: _Linked) -> None:
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
                total = _exact_total(own.amount_minor[is_own])
                self.summary.amounts[code] = _text(total, code)

    def _cases(self, linked: _Linked) -> Iterator[tuple[NDArray[np.int64], multitouch.Case]]:
        """Yield the deals of each piece, as rows of all deals, with their journeys."""
        first = 0
        for piece in linked.timelines.pieces(PAIRS_PER_PIECE):
            rows = slice(first, first + len(piece))
            first += len(piece)
            case = multitouch.Case(
                opportunities=linked.opportunities.take(rows),
                touches=linked.touches,
                journeys=piece.journeys(),
                as_of=self.as_of,
                settings=self.settings,
            )
            yield linked.deal[rows], case

    def _write_touches(self, out: Path, linked: _Linked, names: Sequence[str]) -> None:
        texts = _Texts.of(self.known, self.found, is_csv=not sheets.is_parquet(out))
        columns = ("model", "opportunity_id", "touch_id", "channel", "campaign")
        with results.Output(out, columns) as output, kernel.Threads(self.request.threads) as pool:
            for name in names:
                self.progress(f"computing {name}")
                compute = functools.partial(self._touch_piece, name, linked, texts, output)
                for encoded, incomplete in pool.map(compute, self._cases(linked)):
                    output.write(encoded)
                    self._flag(name, incomplete)
        self.summary.rows_written = output.row_count

    def _touch_piece(
        self,
        name: str,
        linked: _Linked,
        texts: _Texts,
        output: results.Output,
        piece: tuple[NDArray[np.int64], multitouch.Case],
    ) -> tuple[object, int]:
        deal, case = piece
        given = credit.share(BY_NAME[name], case)
        rows = _Rows.of(given, case)
        touch = np.append(linked.touch, len(self.found))[rows.touch]
        own = deal[rows.opportunity]
        block = results.Block(
            names=texts.names(name, own, touch),
            weight=rows.weight,
            credit_minor=rows.credit_minor,
            has_credit=case.opportunities.has_amount[rows.opportunity],
            exponent=self.known.exponent[own],
            currency=texts.currency.take(pa.array(self.known.currency[own])),
        )
        return output.encode(block), len(given.incomplete)

    def _write_sums(
        self,
        out: Path,
        linked: _Linked,
        names: Sequence[str],
        shares: Mapping[str, NDArray[np.float64]],
    ) -> None:
        with results.Output(out, ("model", self.request.by)) as output:
            for name in names:
                self.progress(f"computing {name}")
                if name in CHAINS:
                    output.write_rows(self._chain_rows(name, linked, shares[name]))
                else:
                    output.write_rows(self._sum_rows(name, linked))
        self.summary.rows_written = output.row_count

    @property
    def groups(self) -> touches.Groups:
        return self.found.channel if self.request.by == "channel" else self.found.campaign

    def _sum_rows(self, name: str, linked: _Linked) -> list[results.Row]:
        codes = len(self.known.currency_codes)
        rest = len(self.groups.names)
        found = sums.Sums((rest + 1) * max(codes, 1))
        group = self.groups.number[linked.touch]
        with kernel.Threads(self.request.threads) as pool:
            share = functools.partial(_shared, BY_NAME[name])
            for deal, case, given in pool.map(share, self._cases(linked)):
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

    def _currencies(self, linked: _Linked) -> list[int]:
        return [int(number) for number in np.unique(self.known.currency[linked.deal])]

    def _flag(self, name: str, incomplete: int) -> None:
        if incomplete:
            self.summary.missing_milestones[name] = (
                self.summary.missing_milestones.get(name, 0) + incomplete
            )

    def _chain_shares(self, name: str) -> NDArray[np.float64]:
        """Give each group its share, or leave the model out of `all` and say why."""
        try:
            self._require_chain()
            return self._solve(name)
        except (BasisUnusable, NegativeAmount, markov.TooManyStates, shapley.TooManyChannels) as no:
            if self.request.models != (ALL,):
                raise
            self.summary.left_out[name] = no.message
            return np.zeros(0)

    def _require_chain(self) -> None:
        if self.request.basis != "won":
            raise BasisUnusable(
                "markov and shapley compare won deals with lost ones. Leave them out, or take "
                "--basis won.",
                field="basis",
            )
        is_negative = (self.known.status == deals.WON) & (self.known.columns.amount_minor < 0)
        if is_negative.any():
            row = int(self.known.row[is_negative].min())
            no = self.known.place.fault(
                faults.Fault(
                    row,
                    "amount",
                    "is negative, and markov and shapley divide only what was won. Leave the deal "
                    "or these models out.",
                )
            )
            raise NegativeAmount(no.message, field="amount")

    def _solve(self, name: str) -> NDArray[np.float64]:
        self.progress(f"solving {name}")
        linked = self._link(self.known.status != deals.OPEN)
        journeys = linked.timelines.journeys()
        group = self.groups.number[linked.touch][journeys.touch]
        is_won = self.known.status[linked.deal] == deals.WON
        count = len(self.groups.names)
        if name == MARKOV:
            return markov.shares(
                group, journeys.offsets, is_won, channel_count=count, order=self.request.order
            )
        present = np.unique(group)
        place = np.searchsorted(present, group)
        found = shapley.values(place, journeys.offsets, is_won, channel_count=len(present))
        shares = np.zeros(count)
        shares[present] = found.share
        if found.is_negative.any():
            self.summary.negative_values[name] = [
                self.groups.names[number] for number in present[found.is_negative].tolist()
            ]
        return shares

    def _chain_rows(
        self, name: str, linked: _Linked, shares: NDArray[np.float64]
    ) -> list[results.Row]:
        """Divide what touched deals brought, in each currency, by the shares."""
        exact = [Fraction(share) for share in shares.tolist()]
        own, currency = linked.opportunities, self.known.currency[linked.deal]
        is_touched = linked.timelines.stop > linked.timelines.start
        rows: list[tuple[int, results.Row]] = []
        for number in self._currencies(linked):
            parts = _divided(own, (currency == number) & is_touched, exact)
            code = self.known.currency_codes[number]
            rest = own, (currency == number) & ~is_touched
            cells = [
                (place, self.groups.names[place], exact[place], part)
                for place, part in enumerate(parts)
                if exact[place]
            ]
            cells.append((len(exact), touches.UNATTRIBUTED, Fraction(0), _total(*rest)))
            rows += [
                (place, results.Row((name, group), weight, part, money.exponent(code), code))
                for place, group, weight, part in cells
            ]
        return [row for _, row in sorted(rows, key=lambda each: each[0])]


def _divided(
    own: journey.Opportunities, is_own: NDArray[np.bool_], shares: Sequence[Fraction]
) -> list[int | None]:
    """Split the total of some deals by shares, to the last unit."""
    total = _total(own, is_own)
    if total is None or not any(shares):
        return [total if total is None else 0] * len(shares)
    scale = 1 << 62
    return [*money.split_minor(total, [round(share * scale) for share in shares])]


def _total(own: journey.Opportunities, is_own: NDArray[np.bool_]) -> int | None:
    """Sum the amounts of some deals; None when there are deals and no amount is given."""
    is_given = is_own & own.has_amount
    if is_own.any() and not is_given.any():
        return None
    return _exact_total(own.amount_minor[is_given])


def _exact_total(amounts_minor: NDArray[np.int64]) -> int:
    return (int((amounts_minor >> 32).sum()) << 32) + int((amounts_minor & (2**32 - 1)).sum())


def _text(minor: int, code: str) -> str:
    places = money.exponent(code)
    return f"{decimal.Context(prec=60).scaleb(decimal.Decimal(minor), -places):.{places}f}"


def _shared(
    model: multitouch.Model, piece: tuple[NDArray[np.int64], multitouch.Case]
) -> tuple[NDArray[np.int64], multitouch.Case, credit.Credits]:
    deal, case = piece
    return deal, case, credit.share(model, case)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Credits of a piece with its unattributed deals, in order; touch -1 is unattributed."""

    opportunity: NDArray[np.int64]
    touch: NDArray[np.int64]
    weight: NDArray[np.int64]
    credit_minor: NDArray[np.int64]

    @classmethod
    def of(cls, given: credit.Credits, case: multitouch.Case) -> _Rows:
        weight = np.rint(given.weight / given.weight_sum * float(results.WEIGHT_UNIT)).astype(
            np.int64
        )
        if not len(given.unattributed):
            return cls(given.opportunity, given.touch, weight, given.amount_minor)
        left = given.unattributed
        opportunity = np.concatenate((given.opportunity, left))
        order = np.argsort(opportunity, kind="stable")
        columns = (
            (given.touch, np.full(len(left), -1)),
            (weight, np.full(len(left), results.WEIGHT_UNIT)),
            (given.amount_minor, case.opportunities.amount_minor[left]),
        )
        return cls(opportunity[order], *(np.concatenate(pair)[order] for pair in columns))


@dataclass(frozen=True, slots=True)
class _Texts:
    """The names that rows point at; what is unattributed points at the last of each."""

    deal: pa.Array
    touch: pa.Array
    channel: pa.Array
    campaign: pa.Array
    currency: pa.Array
    channel_of: NDArray[np.int64]
    campaign_of: NDArray[np.int64]

    @classmethod
    def of(cls, known: deals.Deals, found: touches.Touches, *, is_csv: bool) -> _Texts:
        fit = results.quoted if is_csv else lambda cells: cells
        channels = [*found.channel.names, touches.UNATTRIBUTED]
        campaigns = [*found.campaign.names, ""]
        return cls(
            deal=fit(known.id),
            touch=fit(pa.concat_arrays([found.id, pa.array([""], found.id.type)])),
            channel=fit(pa.array(channels, pa.string())),
            campaign=fit(pa.array(campaigns, pa.string())),
            currency=pa.array(known.currency_codes, pa.string()),
            channel_of=np.append(found.channel.number, len(channels) - 1),
            campaign_of=np.append(found.campaign.number, len(campaigns) - 1),
        )

    def names(
        self, model: str, deal: NDArray[np.int64], touch: NDArray[np.int64]
    ) -> dict[str, pa.Array]:
        return {
            "model": pa.repeat(pa.scalar(model, pa.string()), len(deal)),
            "opportunity_id": self.deal.take(pa.array(deal)),
            "touch_id": self.touch.take(pa.array(touch)),
            "channel": self.channel.take(pa.array(self.channel_of[touch])),
            "campaign": self.campaign.take(pa.array(self.campaign_of[touch])),
        }
