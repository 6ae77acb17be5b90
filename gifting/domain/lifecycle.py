"""The life of a send, from draft to doorstep: one set of states for every vendor.

The rule kept here: news moves a send forward or ends it, never back. Vendors skip steps, so every
jump forward is legal, and a send that is imported enters at whatever state its vendor reports. A
second attempt after an end (a reissue, a reshipment) costs again and is a new send. `TRANSITIONS`
is plain data: a trigger in PostgreSQL refuses the same moves from a table seeded with it.

    DRAFT > SCHEDULED <> PENDING_APPROVAL > OFFERED > OPENED > CLICKED > ACCEPTED
          > IN_FULFILLMENT > SHIPPED > DELIVERED
    ON_HOLD             from any step before SHIPPED, and on to any step after DRAFT
    DECLINED, EXPIRED   until the recipient accepts
    CANCELLED, FAILED   until it is delivered
    UNDELIVERABLE       until it is delivered, and after that when the parcel is returned
    REFUNDED            from everywhere, since the money follows the other ends
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gifting.domain import refusals


class State(StrEnum):
    DRAFT = "DRAFT"
    SCHEDULED = "SCHEDULED"
    PENDING_APPROVAL = "PENDING_APPROVAL"
    ON_HOLD = "ON_HOLD"
    OFFERED = "OFFERED"
    OPENED = "OPENED"
    CLICKED = "CLICKED"
    ACCEPTED = "ACCEPTED"
    IN_FULFILLMENT = "IN_FULFILLMENT"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"
    UNDELIVERABLE = "UNDELIVERABLE"
    FAILED = "FAILED"


class Anchor(StrEnum):
    """The moment of a send at which its touchpoint stands on the timeline."""

    SENT = "SENT"
    DELIVERED = "DELIVERED"
    OPENED = "OPENED"
    ACCEPTED = "ACCEPTED"


class IllegalTransition(refusals.Conflict):
    code = "ILLEGAL_TRANSITION"


class UnknownVendorStatus(refusals.Invalid):
    code = "UNKNOWN_VENDOR_STATUS"


# What may follow each step, built from the doorstep back: an earlier step may do all that a later
# one may, and more.
_ENDS = frozenset({State.CANCELLED, State.FAILED, State.UNDELIVERABLE, State.REFUNDED})
_AFTER_SHIPPED = _ENDS | {State.DELIVERED}
_AFTER_FULFILLMENT = _AFTER_SHIPPED | {State.SHIPPED, State.ON_HOLD}
_AFTER_ACCEPTED = _AFTER_FULFILLMENT | {State.IN_FULFILLMENT}
_AFTER_CLICKED = _AFTER_ACCEPTED | {State.ACCEPTED, State.DECLINED, State.EXPIRED}
_AFTER_OPENED = _AFTER_CLICKED | {State.CLICKED}
_AFTER_OFFERED = _AFTER_OPENED | {State.OPENED}
_AFTER_APPROVED = _AFTER_OFFERED | {State.OFFERED}
_AFTER_DRAFT = _AFTER_APPROVED | {State.SCHEDULED, State.PENDING_APPROVAL}

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.DRAFT: _AFTER_DRAFT,
        # Approval is asked before the day is set by some and after it by others.
        State.SCHEDULED: _AFTER_DRAFT - {State.SCHEDULED},
        State.PENDING_APPROVAL: _AFTER_DRAFT - {State.PENDING_APPROVAL},
        State.ON_HOLD: _AFTER_DRAFT - {State.ON_HOLD},
        State.OFFERED: _AFTER_OFFERED,
        State.OPENED: _AFTER_OPENED,
        State.CLICKED: _AFTER_CLICKED,
        State.ACCEPTED: _AFTER_ACCEPTED,
        State.IN_FULFILLMENT: _AFTER_FULFILLMENT,
        State.SHIPPED: _AFTER_SHIPPED,
        State.DELIVERED: frozenset({State.UNDELIVERABLE, State.REFUNDED}),
        State.DECLINED: frozenset({State.REFUNDED}),
        State.EXPIRED: frozenset({State.REFUNDED}),
        State.CANCELLED: frozenset({State.REFUNDED}),
        State.UNDELIVERABLE: frozenset({State.REFUNDED}),
        State.FAILED: frozenset({State.REFUNDED}),
        State.REFUNDED: frozenset(),
    }
)

TERMINAL: Final = frozenset(
    {
        State.DELIVERED,
        State.DECLINED,
        State.EXPIRED,
        State.CANCELLED,
        State.REFUNDED,
        State.UNDELIVERABLE,
        State.FAILED,
    }
)

# From acceptance on the gift is paid for; a lost or broken one stays paid until a refund posts.
COSTED: Final = frozenset(
    {
        State.ACCEPTED,
        State.IN_FULFILLMENT,
        State.SHIPPED,
        State.DELIVERED,
        State.UNDELIVERABLE,
        State.FAILED,
    }
)

# The first of these states, in time, sets the moment.
ANCHORS: Final[Mapping[Anchor, frozenset[State]]] = MappingProxyType(
    {
        Anchor.SENT: frozenset({State.OFFERED, State.SHIPPED}),
        Anchor.DELIVERED: frozenset({State.DELIVERED}),
        Anchor.OPENED: frozenset({State.OPENED, State.CLICKED}),
        Anchor.ACCEPTED: frozenset({State.ACCEPTED}),
    }
)
TOUCHES: Final = frozenset[State]().union(*ANCHORS.values())

# What the vendors call each state, lower-cased, with spaces for "_", "-" and ".".
_VENDOR_NAMES: Final[Mapping[State, tuple[str, ...]]] = MappingProxyType(
    {
        State.DRAFT: ("draft", "need more info", "options ready"),
        State.SCHEDULED: ("scheduled",),
        State.PENDING_APPROVAL: (
            "pending",
            "pending approval",
            "pending sendoso approval",
            "pending internal payment approval",
            "open",
        ),
        State.ON_HOLD: (
            "on hold",
            "insufficient funds",
            "suspicious email",
            "flagged",
            "frozen",
            "blocked",
            "out of stock",
            "fulfillment issue",
        ),
        State.OFFERED: (
            "offered",
            "initiated",
            "sent",
            "offer sent",
            "gift email",
            "invite sent",
            "invite delivered",
            "confirming address",
            "pending address",
            "unopened",
            "executed",
            "succeeded",
            "fulfilled",
        ),
        State.OPENED: ("opened", "gift opened", "unwrapped", "viewed"),
        State.CLICKED: ("clicked",),
        State.ACCEPTED: (
            "accepted",
            "gift accepted",
            "claimed",
            "redeemed",
            "used",
            "used/redeemed",
            "address confirmed",
        ),
        State.IN_FULFILLMENT: (
            "in fulfillment",
            "in fulfilment",
            "order received",
            "processing",
            "processing/fulfilling",
            "fulfilling",
            "processed",
            "purchased",
            "amazon fulfilling",
            # In transit to the vendor's warehouse, not to the recipient.
            "amazon shipped",
        ),
        State.SHIPPED: ("shipped",),
        State.DELIVERED: ("delivered",),
        State.DECLINED: ("declined", "gift declined"),
        State.EXPIRED: ("expired", "gift expired"),
        State.CANCELLED: ("cancelled", "canceled", "confirmation canceled"),
        State.REFUNDED: ("refunded", "expired and credited", "bounced"),
        State.UNDELIVERABLE: ("undeliverable", "returned"),
        State.FAILED: ("failed", "email blacklist", "invalid email format"),
    }
)
VENDOR_STATUS: Final[Mapping[str, State]] = MappingProxyType(
    {name: state for state, names in _VENDOR_NAMES.items() for name in names}
)

_SEPARATORS: Final = re.compile(r"[\s._-]+")


def from_vendor(status: str) -> State:
    """Translate a vendor's own word, however it is written; raises UnknownVendorStatus."""
    name = _SEPARATORS.sub(" ", status).strip().lower().removeprefix("send ")
    try:
        return VENDOR_STATUS[name]
    except KeyError:
        raise UnknownVendorStatus(
            f"No state of a send is known for the vendor's status {status[:80]!r}. Map it to one "
            f"of {', '.join(State)}.",
            field="status",
        ) from None


def is_terminal(state: State) -> bool:
    """Tell whether the life of a send ends here; only a refund or a return may still follow."""
    return state in TERMINAL


def counts_as_cost(state: State) -> bool:
    """Tell whether the gift is paid for in this state unless its vendor's terms say otherwise."""
    return state in COSTED


def is_touch(state: State) -> bool:
    """Tell whether reaching this state is something the recipient could notice."""
    return state in TOUCHES


def is_late(current: State, reported: State) -> bool:
    """Tell whether the news is older than what is known, as webhooks out of order are."""
    return (
        reported != current
        and reported not in TRANSITIONS[current]
        and (current in TRANSITIONS[reported])
    )


def require(from_state: State | None, to_state: State) -> None:
    """Refuse a move that the table does not hold; None is a send that was not known before.

    Raises IllegalTransition.
    """
    if from_state is None or to_state in TRANSITIONS[from_state]:
        return
    onward = " or ".join(state for state in State if state in TRANSITIONS[from_state])
    raise IllegalTransition(
        f"A send in {from_state} cannot become {to_state}. "
        + (f"From here it can become {onward}." if onward else "Nothing follows this state."),
        field="state",
    )
