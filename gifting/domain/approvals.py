"""Who has to approve what: a versioned matrix of bands, and the rules about who may approve.

A band holds when all its conditions do; each that holds names an approver and how many are needed.
The steps of a decision are those of all bands that hold, so the rules kept here are:
- Lowering an amount never adds an approver, raising one never removes any: an amount has floors and
  no ceilings, what is left of a budget only shrinks with it, and the ratio to a deal only grows.
- What is not known (no budget, no open opportunity) counts as bad as it could be, unless the band
  says otherwise. Whether it is known does not depend on the amount.
- Nobody approves their own request, nor one that they prepared, nor for its requester; nor, where
  the policy says so, as the delegate of either. PostgreSQL refuses it too.

    left after  = available - amount, in percent of the revised budget
    ratio       = amount / open amount of the opportunity, in basis points (1/100 of a percent)

Amounts are minor units of the policy's currency.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from gifting.domain import access, money, recipients, refusals

PERCENT: Final = 100
BASIS_POINTS: Final = 10_000
MOST_APPROVERS: Final = 10
MOST_BANDS: Final = 100
MOST_HOURS: Final = 24 * 366


class ApproverKind(StrEnum):
    ROLE = "ROLE"
    PERSON = "PERSON"
    COST_CENTER_OWNER = "COST_CENTER_OWNER"


class RequestState(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class Verdict(StrEnum):
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class EventKind(StrEnum):
    """What becomes of a request beside verdicts."""

    ESCALATED = "ESCALATED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class PolicyUnusable(refusals.Invalid):
    code = "APPROVAL_POLICY_UNUSABLE"


class SelfApproval(refusals.Forbidden):
    code = "SELF_APPROVAL"


class DelegateOfRequester(refusals.Forbidden):
    code = "DELEGATE_OF_REQUESTER"


class NotAnApprover(refusals.Forbidden):
    code = "NOT_AN_APPROVER"


@dataclass(frozen=True, slots=True)
class Approver:
    """Name who has to approve: somebody of a role, one person, or the owner of the cost center."""

    kind: ApproverKind
    role: access.Role | None = None
    user_id: int | None = None

    def __str__(self) -> str:
        if self.kind is ApproverKind.ROLE:
            return f"role {self.role}"
        if self.kind is ApproverKind.PERSON:
            return f"person {self.user_id}"
        return "owner of the cost center"


@dataclass(frozen=True, slots=True)
class Band:
    """One line of the matrix; a condition that is left out always holds."""

    number: int
    approver: Approver
    count: int = 1
    amount_at_least_minor: int = 0
    recipient_classes: frozenset[recipients.RecipientClass] = frozenset()
    countries: frozenset[str] = frozenset()
    left_below_percent: int | None = None
    left_below_minor: int | None = None
    ratio_above_basis_points: int | None = None
    counts_unknown: bool = True
    when_rule_asks: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of an organization's matrix."""

    version: int
    currency: str
    bands: tuple[Band, ...] = ()
    forbids_delegates: bool = True
    expires_after_hours: int = 14 * 24
    escalates_after_hours: int | None = None
    escalates_to: access.Role = access.Role.ADMIN


@dataclass(frozen=True, slots=True)
class Facts:
    """What is to be approved. What the organization does not know is None.

    `available_minor` is what the budget has before this; `rules` are the codes of the gift rules
    that ask for an approval.
    """

    amount: money.Money
    recipient_class: recipients.RecipientClass = recipients.RecipientClass.UNKNOWN
    country: str = ""
    cost_center_id: int | None = None
    available_minor: int | None = None
    revised_minor: int | None = None
    opportunity_minor: int | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """An approver who is needed, how many of them, and the bands that say so."""

    number: int
    approver: Approver
    count: int
    bands: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Which steps are needed and why, by which version of the policy."""

    policy_version: int
    steps: tuple[Step, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def needs_approval(self) -> bool:
        return bool(self.steps)

    def as_json(self) -> dict[str, Any]:
        """Give what the decision of a send keeps."""
        return {
            "policy_version": self.policy_version,
            "steps": [
                {
                    "number": step.number,
                    "kind": step.approver.kind.value,
                    "role": step.approver.role and step.approver.role.value,
                    "user_id": step.approver.user_id,
                    "count": step.count,
                }
                for step in self.steps
            ],
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with the role that they have in the organization."""

    user_id: int
    role: access.Role


@dataclass(frozen=True, slots=True)
class Parties:
    """Who asked and who prepared, and who may act for them; any of them may be a machine: None."""

    requested_by: int | None
    prepared_by: int | None = None
    delegates: frozenset[int] = field(default_factory=frozenset)

    @property
    def people(self) -> frozenset[int]:
        return frozenset(
            person for person in (self.requested_by, self.prepared_by) if person is not None
        )


# A gift rule that asks for an approval gets one, whatever the matrix says.
RULE_APPROVER: Final = Approver(ApproverKind.ROLE, role=access.Role.APPROVER)


def decide(policy: Policy, facts: Facts) -> Decision:
    """Return the steps that the facts need; raises CurrencyMismatch."""
    money.total([facts.amount], policy.currency)
    counts: dict[Approver, int] = {}
    why: dict[Approver, list[int]] = {}
    reasons = []
    for band in sorted(policy.bands, key=lambda band: band.number):
        if not _holds(band, facts):
            continue
        counts[band.approver] = max(counts.get(band.approver, 0), band.count)
        why.setdefault(band.approver, []).append(band.number)
        reasons.append(f"band {band.number} ({_condition(policy, band)}): {_needs(band)}")
    if facts.rules and RULE_APPROVER not in counts and not _rule_is_answered(policy):
        counts[RULE_APPROVER] = 1
        reasons.append(f"gift rule {', '.join(facts.rules)}: 1 of {RULE_APPROVER}")
    return Decision(
        policy_version=policy.version,
        steps=tuple(
            Step(number, approver, count, tuple(why.get(approver, ())))
            for number, (approver, count) in enumerate(counts.items(), start=1)
        ),
        reasons=tuple(reasons),
    )


def described(policy: Policy) -> tuple[str, ...]:
    """Say of each band when it holds and what it needs."""
    return tuple(
        f"band {band.number} ({_condition(policy, band)}): {_needs(band)}" for band in policy.bands
    )


def fitting(
    steps: Iterable[Step], person: Person, *, is_escalated: bool, escalates_to: access.Role
) -> tuple[int, ...]:
    """Return the numbers of the steps that the person may take.

    Once a request is escalated, the role that it was escalated to may take every step.
    """
    takes_all = is_escalated and person.role is escalates_to
    return tuple(step.number for step in steps if takes_all or _fits(step.approver, person))


def require_separate(
    *, approver: int, on_behalf_of: int | None, parties: Parties, forbids_delegates: bool
) -> None:
    """Refuse whoever approves what is their own; raises SelfApproval and DelegateOfRequester."""
    if approver in parties.people:
        raise SelfApproval(
            "You asked for this or prepared it, so somebody else has to decide on it."
        )
    if on_behalf_of in parties.people:
        raise SelfApproval(
            "You would decide for the person who asked for this or prepared it. Somebody else has "
            "to decide.",
            field="on_behalf_of",
        )
    if forbids_delegates and approver in parties.delegates:
        raise DelegateOfRequester(
            "You act for the person who asked for this or prepared it, and the approval policy "
            "keeps the two apart. Somebody else has to decide."
        )


def is_complete(steps: Iterable[Step], covers: Sequence[Collection[int]]) -> bool:
    """Tell whether approvals that cover these steps are all that is needed."""
    return all(sum(step.number in each for each in covers) >= step.count for step in steps)


def covers(approved: Facts, facts: Facts) -> bool:
    """Tell whether what was approved still holds for these facts: no more money, nobody else."""
    return (
        approved.amount.currency == facts.amount.currency
        and facts.amount <= approved.amount
        and (approved.recipient_class, approved.country, approved.cost_center_id)
        == (facts.recipient_class, facts.country, facts.cost_center_id)
        and set(facts.rules) <= set(approved.rules)
    )


def expires_at(policy: Policy, at: dt.datetime) -> dt.datetime:
    """Return when a request made now lapses if nobody decides."""
    return at + dt.timedelta(hours=policy.expires_after_hours)


def escalates_at(policy: Policy, at: dt.datetime) -> dt.datetime | None:
    """Return when a request made now is passed on if nobody decides; None for never."""
    if policy.escalates_after_hours is None:
        return None
    return at + dt.timedelta(hours=policy.escalates_after_hours)


def require_usable(policy: Policy) -> None:
    """Refuse a policy that could not be followed; raises PolicyUnusable and UnknownCurrency."""
    money.exponent(policy.currency)
    if len(policy.bands) > MOST_BANDS:
        raise PolicyUnusable(f"A policy has at most {MOST_BANDS} bands.", field="bands")
    if not 0 < policy.expires_after_hours <= MOST_HOURS:
        raise PolicyUnusable(
            f"A request expires after 1 to {MOST_HOURS} hours.", field="expires_after_hours"
        )
    hours = policy.escalates_after_hours
    if hours is not None and not 0 < hours < policy.expires_after_hours:
        raise PolicyUnusable(
            "A request is passed on after at least an hour, and before it expires.",
            field="escalates_after_hours",
        )
    _require_approves(policy.escalates_to, "escalates_to")
    for band in policy.bands:
        _require_usable_band(band)


def _require_usable_band(band: Band) -> None:
    named = f"Band {band.number}"
    if not 1 <= band.count <= MOST_APPROVERS:
        raise PolicyUnusable(f"{named} asks for 1 to {MOST_APPROVERS} approvers.", field="bands")
    if band.approver.kind is ApproverKind.PERSON and band.count > 1:
        raise PolicyUnusable(f"{named} names one person and asks for more.", field="bands")
    if band.approver.kind is ApproverKind.ROLE:
        _require_approves(band.approver.role, "bands")
    if (band.approver.kind is ApproverKind.PERSON) != (band.approver.user_id is not None):
        raise PolicyUnusable(
            f"{named} names a person exactly when one is asked for.", field="bands"
        )
    limits: Mapping[str, tuple[int | None, int]] = {
        "amount": (band.amount_at_least_minor, money.MAX_AMOUNT_MINOR),
        "percentage of the budget": (band.left_below_percent, PERCENT),
        "rest of the budget": (band.left_below_minor, money.MAX_AMOUNT_MINOR),
        "ratio": (band.ratio_above_basis_points, money.MAX_AMOUNT_MINOR),
    }
    for name, (value, most) in limits.items():
        if value is not None and not 0 <= value <= most:
            raise PolicyUnusable(f"{named} has no usable {name}: 0 to {most:,}.", field="bands")


def _require_approves(role: access.Role | None, field: str) -> None:
    if role is None or access.Permission.APPROVE not in access.ROLE_PERMISSIONS[role]:
        raise PolicyUnusable(
            f"The role {role} does not approve. Choose one that does, such as FINANCE.",
            field=field,
        )


def _holds(band: Band, facts: Facts) -> bool:
    return (
        facts.amount.amount_minor >= band.amount_at_least_minor
        and (not band.recipient_classes or facts.recipient_class in band.recipient_classes)
        and (not band.countries or facts.country in band.countries)
        and (not band.when_rule_asks or bool(facts.rules))
        and _is_short(band, facts)
        and _is_out_of_proportion(band, facts)
    )


def _is_short(band: Band, facts: Facts) -> bool:
    """Tell whether too little of the budget would be left, by each limit that the band has."""
    left_minor = (
        None if facts.available_minor is None else facts.available_minor - facts.amount.amount_minor
    )
    if band.left_below_minor is not None and not (
        band.counts_unknown if left_minor is None else left_minor < band.left_below_minor
    ):
        return False
    if band.left_below_percent is None:
        return True
    if left_minor is None or not facts.revised_minor or facts.revised_minor < 0:
        return band.counts_unknown
    return left_minor * PERCENT < band.left_below_percent * facts.revised_minor


def _is_out_of_proportion(band: Band, facts: Facts) -> bool:
    if band.ratio_above_basis_points is None:
        return True
    if facts.opportunity_minor is None or facts.opportunity_minor <= 0:
        return band.counts_unknown
    amount_minor = facts.amount.amount_minor
    return amount_minor * BASIS_POINTS > band.ratio_above_basis_points * facts.opportunity_minor


def _rule_is_answered(policy: Policy) -> bool:
    """Tell whether the matrix itself says who approves what gift rules ask about, for any gift."""
    return any(
        band
        == Band(number=band.number, approver=band.approver, count=band.count, when_rule_asks=True)
        for band in policy.bands
    )


def _fits(approver: Approver, person: Person) -> bool:
    if approver.kind is ApproverKind.ROLE:
        return person.role is approver.role
    return person.user_id == approver.user_id


def _condition(policy: Policy, band: Band) -> str:
    parts = []
    if band.amount_at_least_minor:
        least = money.Money(band.amount_at_least_minor, policy.currency)
        parts.append(f"amount from {least}")
    if band.recipient_classes:
        parts.append(f"recipient {' or '.join(sorted(band.recipient_classes))}")
    if band.countries:
        parts.append(f"country {' or '.join(sorted(band.countries))}")
    if band.left_below_percent is not None:
        parts.append(f"less than {band.left_below_percent}% of the budget left")
    if band.left_below_minor is not None:
        parts.append(f"less than {money.Money(band.left_below_minor, policy.currency)} left")
    if band.ratio_above_basis_points is not None:
        whole, rest = divmod(band.ratio_above_basis_points, PERCENT)
        parts.append(f"more than {whole}.{rest:02}% of the open opportunity")
    if band.when_rule_asks:
        parts.append("a gift rule asks")
    return ", ".join(parts) or "always"


def _needs(band: Band) -> str:
    return f"{band.count} of {band.approver}"
