r"""Turn a mapping into readers: cell text in, the text of a staging column out.

Each output column of a staging table is made of one or more fields. Its reader is a pure function
of the cells, so its answers are remembered: a file of a million rows has few stages, days and
owners, and each is understood once. What comes out is PostgreSQL's COPY text, escaped, with NULL as
`\N`; a formula stays the text it is (exports guard it).
"""

from __future__ import annotations

import datetime as dt
import json
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from gifting.domain import currencies, lifecycle, money
from integrations.domain import dates, faults, fields, mappings

NULL: Final = r"\N"
MOST_UNITS: Final = 2**31 - 1
LONGEST_NUMBER: Final = 100
# What people write as a number somewhere, such as 1,054.00 or 1.054,00.
NUMBER_OF_SOME_STYLE: Final = re.compile(r"-?[0-9][0-9., ']*", re.ASCII)

_COUNTRY: Final = re.compile("[A-Z]{2}", re.ASCII)
_WHOLE: Final = re.compile("[0-9]{1,10}", re.ASCII)
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_STATE_ORDER: Final = {state: position for position, state in enumerate(lifecycle.State)}
# The states whose first time is the moment a send went out, as the database derives `sent_at`.
_SENT: Final = frozenset({"OFFERED", "OPENED", "CLICKED", "ACCEPTED", "SHIPPED", "DELIVERED"})

Clean = Callable[[str], str]
Read = Callable[..., str]
Value = TypeVar("Value")
Event = tuple[dt.datetime, lifecycle.State, str]


@dataclass(frozen=True, slots=True)
class Output:
    """One column of a staging table and the function that reads it from the cells of its fields."""

    column: str
    fields: tuple[str, ...]
    read: Read
    # The cell itself, when it is not blank, not odd and no longer than this; see `columns`.
    plain_longest: int = 0


@dataclass(frozen=True, slots=True)
class _Reader:
    """The readers of one mapping in one organization's time zone."""

    mapping: mappings.FileMapping
    organization_zone: zoneinfo.ZoneInfo

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        name = self.mapping.time_zone
        return zoneinfo.ZoneInfo(name) if name else self.organization_zone

    def clean(self, field: str) -> Clean:
        """Make the function that strips, empties, cuts, replaces and transforms a cell."""
        mapping = self.mapping
        removals = mapping.removals.get(field, ())
        replacements = mapping.replacements.get(field, {})
        steps = [_TRANSFORMS[name] for name in mapping.transforms.get(field, ())]
        is_required = fields.FIELDS[mapping.kind][field].is_required

        def clean(cell: str) -> str:
            text = cell.strip()
            for part in removals:
                text = text.replace(part, "")
            text = replacements.get(text, text)
            for step in steps:
                text = step(text)
            text = "" if text in mapping.empty else text.strip()
            if is_required and not text:
                raise faults.Fault("the cell is blank", field=field)
            return text

        return clean

    def text(self, field: str) -> Read:
        clean = self.clean(field)
        longest = fields.FIELDS[self.mapping.kind][field].longest

        def read(cell: str) -> str:
            text = clean(cell)
            if len(text) > longest:
                raise faults.Fault(f"the cell is longer than {longest} characters", field=field)
            return escape(text) if text else NULL

        return read

    def instant(self, field: str) -> Callable[[str], dt.datetime | None]:
        clean = self.clean(field)
        at_end = fields.FIELDS[self.mapping.kind][field].type is fields.Type.END
        parse = dates.reader(self.mapping.date_formats, self.zone, at_end=at_end)

        def read(cell: str) -> dt.datetime | None:
            text = clean(cell)
            return _in_field(field, parse, text) if text else None

        return read

    def amount(self, field: str) -> Callable[[str, str], int | None]:
        clean = self.clean(field)
        minor_units = _minor_units_reader(self.mapping.decimal, self.mapping.thousands)

        def read(cell: str, currency: str) -> int | None:
            text = clean(cell)
            return _in_field(field, minor_units, text, currency) if text else None

        return read

    def currency(self) -> Read:
        if not self.mapping.tells("currency"):
            return lambda _="": self.mapping.currency
        clean = self.clean("currency")

        def read(cell: str) -> str:
            code = clean(cell) or self.mapping.currency
            if code not in currencies.EXPONENTS:
                reason = f"{faults.shown(code)} is not a currency code of ISO 4217"
                raise faults.Fault(reason, field="currency")
            return code

        return read

    def whole(self, field: str, *, least: int) -> Read:
        clean = self.clean(field)

        def read(cell: str) -> str:
            text = clean(cell)
            if not text:
                return NULL
            if not _WHOLE.fullmatch(text) or not least <= int(text) <= MOST_UNITS:
                reason = (
                    f"{faults.shown(text)} is not a whole number from {least} to {MOST_UNITS:,}"
                )
                raise faults.Fault(reason, field=field)
            return str(int(text))

        return read

    def choice(self, field: str) -> Read:
        clean = self.clean(field)
        choices = fields.FIELDS[self.mapping.kind][field].choices

        def read(cell: str) -> str:
            word = clean(cell).upper()
            if word and word not in choices:
                reason = f"{faults.shown(word)} is none of {', '.join(choices)}"
                raise faults.Fault(reason, field=field)
            return word or NULL

        return read

    def country(self, field: str) -> Read:
        clean = self.clean(field)

        def read(cell: str) -> str:
            code = clean(cell).upper()
            if code and not _COUNTRY.fullmatch(code):
                reason = f"{faults.shown(code)} is not a country code of two letters"
                raise faults.Fault(reason, field=field)
            return code or NULL

        return read

    def status(self) -> Callable[[str], mappings.Status]:
        clean = self.clean("stage")
        stages = self.mapping.stages

        def read(cell: str) -> mappings.Status:
            stage = clean(cell)
            if stage not in stages:
                reason = f"the stage {faults.shown(stage)} is not in the mapping's [stages]"
                raise faults.Fault(reason, field="stage")
            return stages[stage]

        return read

    def state(self, cell: str) -> lifecycle.State | None:
        word = cell.strip()
        if not word or word in self.mapping.empty:
            return None
        try:
            return self.mapping.states.get(word) or lifecycle.from_vendor(word)
        except lifecycle.UnknownVendorStatus:
            reason = (
                f"the status {faults.shown(word)} is not known: add it to the mapping's [states]"
            )
            raise faults.Fault(reason, field="status") from None

    def texts(self, *names: str, **renamed: str) -> list[Output]:
        """Make the outputs of the text fields that the mapping tells; `column=field` renames."""
        wanted = {**{name: name for name in names}, **renamed}
        return [
            Output(column, (field,), self.text(field), self._plain_longest(field))
            for column, field in wanted.items()
            if self.mapping.tells(field)
        ]

    def _plain_longest(self, field: str) -> int:
        changed = (self.mapping.removals, self.mapping.replacements, self.mapping.transforms)
        if self.mapping.empty or any(field in table for table in changed):
            return 0
        return fields.FIELDS[self.mapping.kind][field].longest

    def told(self, *names: str) -> tuple[str, ...]:
        return tuple(name for name in names if self.mapping.tells(name))


def outputs(mapping: mappings.FileMapping, *, organization_zone: zoneinfo.ZoneInfo) -> list[Output]:
    """Make the outputs of a mapping: what goes into the staging table, in which column."""
    return _OUTPUTS[mapping.kind](_Reader(mapping, organization_zone))


def escape(text: str) -> str:
    """Write a text as a COPY field."""
    return text if text.isalnum() else text.translate(_ESCAPES)


def _account_outputs(reader: _Reader) -> list[Output]:
    made = reader.texts("external_id", "name", "parent", "industry", "country")
    if reader.mapping.tells("employees"):
        made.append(Output("employees", ("employees",), reader.whole("employees", least=0)))
    return made


def _opportunity_outputs(reader: _Reader) -> list[Output]:
    status = reader.status()
    made = reader.texts(
        "external_id", "stage", "account", "account_name", "name", "product", "owner"
    )
    made.append(Output("status", ("stage",), lambda cell: status(cell).value))
    made.extend(_money_outputs(reader))
    if reader.mapping.tells("opened_at"):
        opened = reader.instant("opened_at")
        made.append(Output("opened_at", ("opened_at",), lambda cell: _stamp(opened(cell))))
    made.extend(_close_outputs(reader, status))
    return made


def _money_outputs(reader: _Reader) -> list[Output]:
    if not reader.mapping.tells("amount"):
        return []
    amount, currency = reader.amount("amount"), reader.currency()
    also = reader.told("currency")

    def read(cell: str, *currency_cell: str) -> str:
        minor = amount(cell, currency(*currency_cell))
        return NULL if minor is None else str(minor)

    return [
        Output("amount_minor", ("amount", *also), read),
        Output("currency", also, currency),
    ]


def _close_outputs(reader: _Reader, status: Callable[[str], mappings.Status]) -> list[Output]:
    if not reader.mapping.tells("closed_at"):
        return []
    instant = reader.instant("closed_at")

    def close(stage: str, cell: str) -> dt.datetime | None:
        # An open deal's date in this column is a hope; only an end has a close.
        if status(stage) is mappings.Status.OPEN:
            return None
        closed_at = instant(cell)
        if closed_at is None:
            reason = f"the stage {faults.shown(stage)} is an end, and the close is blank"
            raise faults.Fault(reason, field="closed_at")
        return closed_at

    zone = reader.organization_zone
    return [
        Output("closed_at", ("stage", "closed_at"), lambda *cells: _stamp(close(*cells))),
        Output("closed_on", ("stage", "closed_at"), lambda *cells: _day(close(*cells), zone)),
    ]


def _touch_outputs(reader: _Reader) -> list[Output]:
    occurred = reader.instant("occurred_at")
    made = reader.texts(
        "external_id",
        "channel",
        "account",
        "account_name",
        "contact",
        "campaign",
        "campaign_name",
        "vendor",
        "vendor_name",
        "cost_center",
    )
    made.append(Output("occurred_at", ("occurred_at",), lambda cell: _stamp(occurred(cell))))
    if reader.mapping.tells("kind"):
        made.append(Output("kind", ("kind",), reader.choice("kind")))
    return made


def _send_outputs(reader: _Reader) -> list[Output]:
    made = reader.texts(
        "external_id",
        "campaign",
        "campaign_name",
        "channel",
        "vendor",
        "vendor_name",
        "gift",
        "gift_name",
        "recipient",
        "recipient_name",
        "recipient_email",
        "cost_center",
        account_reference="account",
        contact_reference="contact",
        sender_reference="sender",
    )
    if reader.mapping.tells("recipient_country"):
        read = reader.country("recipient_country")
        made.append(Output("recipient_country", ("recipient_country",), read))
    if reader.mapping.tells("quantity"):
        made.append(Output("quantity", ("quantity",), reader.whole("quantity", least=1)))
    made.extend(_event_outputs(reader))
    made.extend(_cost_outputs(reader))
    return made


def _event_outputs(reader: _Reader) -> list[Output]:
    names = reader.told("status", "status_at", *fields.STATE_TIMES)
    cost_names = (*reader.told("cost_at"), *names)
    cost_at = reader.instant("cost_at")
    events = _events_reader(reader, names)
    zone = reader.organization_zone

    def read_cost_day(*cells: str) -> str:
        named = cost_at(cells[0]) if len(cost_names) > len(names) else None
        return _day(named or _cost_instant(events(*cells[-len(names) :])), zone)

    return [
        Output("events", names, lambda *cells: _events_json(events(*cells))),
        Output("cost_on", cost_names, read_cost_day),
    ]


def _events_reader(reader: _Reader, names: tuple[str, ...]) -> Callable[..., list[Event]]:
    """Make the function that reads the events a row tells, in the order they happened."""
    instants = {name: reader.instant(name) for name in names if name != "status"}

    def read(*cells: str) -> list[Event]:
        told = dict(zip(names, cells, strict=True))
        times = {
            fields.STATE_TIMES[name]: at
            for name in names
            if name in fields.STATE_TIMES and (at := instants[name](told[name])) is not None
        }
        word = told.get("status", "").strip()
        state = reader.state(word) if word else None
        if state is not None and state not in times:
            times[state] = _state_time(instants, told, times, word)
        if not times:
            raise faults.Fault("the row tells no state of the send", field=names[0])
        return _legal(
            sorted(
                ((at, known, word if known is state else "") for known, at in times.items()),
                key=lambda event: (event[0], _STATE_ORDER[event[1]]),
            ),
            field="status" if state is not None else names[0],
        )

    return read


def _state_time(
    instants: Mapping[str, Callable[[str], dt.datetime | None]],
    told: Mapping[str, str],
    times: Mapping[lifecycle.State, dt.datetime],
    word: str,
) -> dt.datetime:
    named = instants["status_at"](told["status_at"]) if "status_at" in told else None
    if named is not None:
        return named
    if not times:
        raise faults.Fault(f"the status {faults.shown(word)} has no time", field="status")
    # A state without a time of its own is not older than the last thing that happened.
    return max(times.values())


def _legal(events: list[Event], *, field: str) -> list[Event]:
    """Drop events that are older than what is known by then; refuse what cannot follow."""
    kept: list[Event] = []
    for event in events:
        state = event[1]
        if kept and state not in lifecycle.TRANSITIONS[kept[-1][1]]:
            if lifecycle.is_late(kept[-1][1], state):
                continue
            reason = f"a send cannot go from {kept[-1][1]} to {state}"
            raise faults.Fault(reason, field=field)
        kept.append(event)
    return kept


def _cost_instant(events: list[Event]) -> dt.datetime:
    return next((at for at, state, _ in events if state in _SENT), events[0][0])


def _events_json(events: list[Event]) -> str:
    return escape(json.dumps([[state, at.isoformat(), word] for at, state, word in events]))


def _cost_outputs(reader: _Reader) -> list[Output]:
    currency = reader.currency()
    also = reader.told("currency")
    made = [Output("currency", also, currency)]
    amounts = reader.told(*fields.AMOUNTS)
    made.extend(
        _amount_output(reader, field, currency, also)
        for field in (*amounts, *reader.told("gift_price"))
    )
    made.extend(
        _basis_output(reader, f"{fields.AMOUNTS[field].lower()}_basis") for field in amounts
    )
    return made


def _amount_output(reader: _Reader, field: str, currency: Read, also: tuple[str, ...]) -> Output:
    amount = reader.amount(field)

    def read(cell: str, *currency_cell: str) -> str:
        minor = amount(cell, currency(*currency_cell))
        return NULL if minor is None else str(minor)

    return Output(f"{field}_minor", (field, *also), read)


def _basis_output(reader: _Reader, field: str) -> Output:
    told = reader.told(field) or ("cost_basis",)
    choose = reader.choice(told[0])

    def read(cell: str) -> str:
        basis = choose(cell)
        if basis == NULL:
            raise faults.Fault("the cell is blank: ESTIMATED or ACTUAL?", field=told[0])
        return basis

    return Output(field, told, read)


_OUTPUTS: Final = {
    fields.Kind.ACCOUNTS: _account_outputs,
    fields.Kind.OPPORTUNITIES: _opportunity_outputs,
    fields.Kind.SENDS: _send_outputs,
    fields.Kind.TOUCHES: _touch_outputs,
}
_TRANSFORMS: Final[Mapping[mappings.Transform, Clean]] = {
    mappings.Transform.UPPER: str.upper,
    mappings.Transform.LOWER: str.lower,
    mappings.Transform.TITLE: str.title,
    mappings.Transform.SINGLE_SPACES: lambda text: " ".join(text.split()),
}


def _minor_units_reader(decimal: str, thousands: str) -> Callable[[str, str], int]:
    """Make the function that reads a number of the file's style, exactly, in a currency."""
    mark, group = re.escape(decimal), re.escape(thousands)
    grouped = rf"|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+" if thousands else ""
    style = re.compile(rf"(-?)([0-9]+{grouped})(?:{mark}([0-9]+))?", re.ASCII)

    def read(text: str, currency: str) -> int:
        match = style.fullmatch(text)
        if match is None or len(text) > LONGEST_NUMBER:
            # A number of another style is the mapping's fault and not the file's: name the style.
            told = f": the mapping says decimal {decimal!r}, thousands {thousands!r}"
            raise faults.Fault(
                f"{faults.shown(text)} is not an amount of {currency}"
                f"{told if NUMBER_OF_SOME_STYLE.fullmatch(text) else ''}"
            )
        sign, whole, decimals = match.groups("")
        places = money.exponent(currency)
        # Zeros beyond the currency's decimals change nothing: 1054.000 USD is exact.
        if decimals[places:].strip("0"):
            raise faults.Fault(f"{faults.shown(text)} has more decimals than {currency} has")
        digits = whole.replace(thousands, "") if thousands else whole
        minor = int(digits + decimals[:places].ljust(places, "0"))
        if sign:
            raise faults.Fault(f"the amount {faults.shown(text)} is negative")
        if minor > money.MAX_AMOUNT_MINOR:
            raise faults.Fault(f"the amount {faults.shown(text)} is too large")
        return minor

    return read


def _in_field(field: str, parse: Callable[..., Value], *cells: str) -> Value:
    try:
        return parse(*cells)
    except faults.Fault as fault:
        raise faults.Fault(fault.reason, field=field) from None


def _stamp(at: dt.datetime | None) -> str:
    return NULL if at is None else at.isoformat(sep=" ")


def _day(at: dt.datetime | None, zone: zoneinfo.ZoneInfo) -> str:
    return NULL if at is None else at.astimezone(zone).date().isoformat()
