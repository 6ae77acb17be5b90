"""Approvals for readers: policies, requests, who may decide them, and what lets them pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, Q, QuerySet

from gifting import models
from gifting.domain import access, approvals, fiscal, money, recipients, refusals
from gifting.selectors import organizations, records


class UnknownApprovalRequest(refusals.NotFound):
    code = "UNKNOWN_APPROVAL_REQUEST"


class UnknownMember(refusals.NotFound):
    code = "UNKNOWN_MEMBER"


@dataclass(frozen=True, slots=True)
class Request:
    """A request with all that it was judged by."""

    id: int
    public_id: UUID
    subject_kind: str
    subject_id: UUID
    facts: approvals.Facts
    decision: approvals.Decision
    parties: approvals.Parties
    state: approvals.RequestState
    forbids_delegates: bool
    is_escalated: bool
    escalates_to: access.Role
    requested_at: dt.datetime
    expires_at: dt.datetime
    decided_at: dt.datetime | None

    def state_at(self, at: dt.datetime) -> approvals.RequestState:
        """Return the state at a moment: what nobody decided in time has lapsed."""
        if self.state is approvals.RequestState.PENDING and at >= self.expires_at:
            return approvals.RequestState.EXPIRED
        return self.state


class PolicyRecord(NamedTuple):
    """A version of the matrix."""

    id: int
    public_id: UUID
    version: int
    currency: str
    bands: Any
    forbids_delegates: bool
    expires_after_hours: int
    escalates_after_hours: int | None
    escalates_to: str
    effective_at: dt.datetime
    reason: str


class RequestRecord(NamedTuple):
    """A request's row."""

    id: int
    public_id: UUID
    subject_kind: str
    subject_id: UUID
    amount_minor: int
    currency: str
    recipient_class: str
    country: str
    available_minor: int | None
    revised_minor: int | None
    opportunity_minor: int | None
    rules: list[str]
    policy_version: int
    steps: Any
    reasons: Any
    requested_by__username: str | None
    prepared_by__username: str | None
    reason: str
    requested_at: dt.datetime
    expires_at: dt.datetime
    state: str
    is_escalated: bool
    decided_at: dt.datetime | None
    cost_center_id: int | None


class ApprovalRecord(NamedTuple):
    """One answer to a request."""

    request_id: int
    verdict: str
    approved_by__username: str
    on_behalf_of__username: str
    step_numbers: list[int]
    reason: str
    decided_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PolicyWhere(records.Where):
    """Conditions on policies."""

    versions: Collection[int] | None = records.lookup("version__in")


@dataclass(frozen=True, slots=True)
class RequestWhere(records.Where):
    """Conditions on requests."""

    states: Collection[str] | None = records.lookup("state__in")
    subject_kinds: Collection[str] | None = records.lookup("subject_kind__in")
    subject_ids: Collection[UUID] | None = records.lookup("subject_id__in")


POLICIES = records.Source(
    model=models.ApprovalPolicy,
    record=PolicyRecord,
    permissions=(access.Permission.READ_SPEND, access.Permission.APPROVE),
)
REQUESTS = records.Source(
    model=models.ApprovalRequest,
    record=RequestRecord,
    permissions=(access.Permission.READ_SPEND, access.Permission.APPROVE),
    cost_center="cost_center_id",
)
ANSWERS = records.Details(
    model=models.Approval,
    record=ApprovalRecord,
    whole=REQUESTS,
    link="request_id",
    order=("id",),
)


def policy_at(at: dt.datetime) -> tuple[int | None, approvals.Policy]:
    """Return the policy in force and its key; an organization without one has version 0."""
    row = models.ApprovalPolicy.objects.filter(effective_at__lte=at).order_by("-version").first()
    if row is None:
        currency = models.Organization.objects.values_list("currency", flat=True).get()
        return None, approvals.Policy(version=0, currency=currency)
    return row.pk, approvals.Policy(
        version=row.version,
        currency=row.currency,
        bands=tuple(band_of(each) for each in row.bands),
        forbids_delegates=row.forbids_delegates,
        expires_after_hours=row.expires_after_hours,
        escalates_after_hours=row.escalates_after_hours,
        escalates_to=access.Role(row.escalates_to),
    )


def band_of(kept: Mapping[str, Any]) -> approvals.Band:
    """Read a band as `band_as_json` wrote it."""
    return approvals.Band(
        number=kept["number"],
        approver=_approver(kept),
        count=kept["count"],
        amount_at_least_minor=kept["amount_at_least_minor"],
        recipient_classes=frozenset(map(recipients.RecipientClass, kept["recipient_classes"])),
        countries=frozenset(kept["countries"]),
        left_below_percent=kept["left_below_percent"],
        left_below_minor=kept["left_below_minor"],
        ratio_above_basis_points=kept["ratio_above_basis_points"],
        counts_unknown=kept["counts_unknown"],
        when_rule_asks=kept["when_rule_asks"],
    )


def bands_given(given: object) -> tuple[approvals.Band, ...]:
    """Read bands as people write them, numbered in their order; raises PolicyUnusable.

    What a band leaves out is no condition, and one approver.
    """
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise approvals.PolicyUnusable("Bands are a list of objects.", field="bands")
    plain = band_as_json(
        approvals.Band(number=0, approver=approvals.Approver(approvals.ApproverKind.ROLE))
    )
    bands = []
    for number, each in enumerate(given, start=1):
        unknown = set(each) - set(plain) - {"number"}
        if unknown:
            raise approvals.PolicyUnusable(
                f"Band {number} says {min(unknown)[:40]!r}, which is not known.", field="bands"
            )
        try:
            bands.append(band_of({**plain, **each, "number": number}))
        except (ValueError, TypeError):
            raise approvals.PolicyUnusable(
                f"Band {number} cannot be read. Look at its kind, role, classes and numbers.",
                field="bands",
            ) from None
    return tuple(bands)


def band_as_json(band: approvals.Band) -> dict[str, Any]:
    """Write a band for keeping."""
    return {
        "number": band.number,
        "kind": band.approver.kind.value,
        "role": band.approver.role and band.approver.role.value,
        "user_id": band.approver.user_id,
        "count": band.count,
        "amount_at_least_minor": band.amount_at_least_minor,
        "recipient_classes": sorted(band.recipient_classes),
        "countries": sorted(band.countries),
        "left_below_percent": band.left_below_percent,
        "left_below_minor": band.left_below_minor,
        "ratio_above_basis_points": band.ratio_above_basis_points,
        "counts_unknown": band.counts_unknown,
        "when_rule_asks": band.when_rule_asks,
    }


def resolved(
    decision: approvals.Decision,
    *,
    policy: approvals.Policy,
    cost_center_id: int | None,
    parties: approvals.Parties,
) -> approvals.Decision:
    """Name the owner of the cost center, and put another in the place of who may not decide.

    The owner is that of the nearest cost center above that has one who is not a party; without one,
    or for a person who is a party, the role decides that requests are passed on to.
    """
    instead = approvals.Approver(approvals.ApproverKind.ROLE, role=policy.escalates_to)
    steps = []
    for step in decision.steps:
        approver = step.approver
        if approver.kind is approvals.ApproverKind.COST_CENTER_OWNER:
            owner = _owner(cost_center_id, parties)
            approver = replace(approver, user_id=owner) if owner is not None else instead
        elif approver.user_id in parties.people:
            approver = instead
        steps.append(replace(step, approver=approver))
    return replace(decision, steps=tuple(steps))


def get(*, request_id: UUID, day: dt.date | None = None) -> Request:
    """Return a request, with who acts for its parties on a day; raises UnknownApprovalRequest."""
    row = models.ApprovalRequest.objects.filter(public_id=request_id).first()
    if row is None:
        raise UnknownApprovalRequest(
            "There is no such approval request for you. Look its id up and send that.",
            field="request_id",
        )
    return _request(row, day)


def latest(*, subject_kind: str, subject_id: UUID) -> Request | None:
    """Return the newest request about a subject."""
    row = (
        models.ApprovalRequest.objects.filter(subject_kind=subject_kind, subject_id=subject_id)
        .order_by("-id")
        .first()
    )
    return None if row is None else _request(row, None)


def user_id_of(username: str, *, field: str) -> int:
    """Return the member who logs in by this name; raises UnknownMember."""
    found = models.Membership.objects.filter(user__username=username).values_list(
        "user_id", flat=True
    )
    user_id = found.first()
    if user_id is None:
        raise UnknownMember(
            f"Nobody in your organization logs in as {username[:150]!r}. Check the name.",
            field=field,
        )
    return int(user_id)


def person(user_id: int) -> approvals.Person | None:
    """Return somebody with their role; None for who is not a member."""
    role = models.Membership.objects.filter(user_id=user_id).values_list("role", flat=True).first()
    return None if role is None else approvals.Person(user_id, access.Role(role))


def delegation_id(*, delegator: int, delegate: int, day: dt.date) -> int | None:
    """Return the delegation from one to the other that is in force on a day."""
    return (
        _in_force(day)
        .filter(delegator_id=delegator, delegate_id=delegate)
        .values_list("id", flat=True)
        .first()
    )


def day_of(at: dt.datetime) -> dt.date:
    """Return the day of a moment in the organization's time zone."""
    zone = models.Organization.objects.values_list("time_zone", flat=True).get()
    return fiscal.period_date(at, zone)


def inbox(*, actor: access.Actor, at: dt.datetime) -> tuple[RequestRecord, ...]:
    """Return what waits for the actor, or for those they act for; raises Forbidden for a token.

    The oldest first, and no more than a page of them.
    """
    if actor.user_id is None:
        raise refusals.Forbidden("Approvals wait for people. Ask as one.")
    day = day_of(at)
    delegators = list(
        _in_force(day).filter(delegate_id=actor.user_id).values_list("delegator_id", flat=True)
    )
    # Begins as a condition that no row meets.
    mine = Q(id=None)
    for user_id in (actor.user_id, *delegators):
        found = person(user_id)
        if found is not None:
            mine |= _waits_for(found)
    of_delegators = Q(requested_by_id__in=delegators) | Q(prepared_by_id__in=delegators)
    ids = (
        models.ApprovalRequest.objects.filter(
            mine, state=approvals.RequestState.PENDING.value, expires_at__gt=at
        )
        .exclude(requested_by_id=actor.user_id)
        .exclude(prepared_by_id=actor.user_id)
        .exclude(of_delegators, forbids_delegates=True)
        .exclude(
            id__in=models.Approval.objects.filter(approved_by_id=actor.user_id).values("request_id")
        )
        .order_by("id")
        .values_list("id", flat=True)[: records.MOST_RECORDS]
    )
    rows = models.ApprovalRequest.objects.filter(id__in=list(ids)).order_by("id")
    found_rows = map(RequestRecord._make, rows.values_list(*RequestRecord._fields))
    return tuple(found_rows)


def _waits_for(person: approvals.Person) -> Q:
    theirs = (
        Q(steps__contains=[{"role": person.role.value}])
        | Q(steps__contains=[{"user_id": person.user_id}])
        | Q(is_escalated=True, escalates_to=person.role.value)
    )
    return theirs & ~Q(requested_by_id=person.user_id) & ~Q(prepared_by_id=person.user_id)


def override_id(
    *, rule_code: str, subject_id: UUID, recipient_ids: Iterable[int], at: dt.datetime
) -> UUID | None:
    """Return an override in force that lets this rule pass, the narrowest first."""
    rows = (
        models.Override.objects.filter(
            Q(subject_id=subject_id) | Q(subject_id=None),
            Q(recipient_id__in=list(recipient_ids)) | Q(recipient_id=None),
            rule_code=rule_code,
            valid_from__lte=at,
            valid_until__gt=at,
        )
        .order_by(
            F("subject_id").asc(nulls_last=True), F("recipient_id").asc(nulls_last=True), "id"
        )
        .values_list("public_id", "most_uses", "id")
    )
    for public_id, most_uses, key in rows:
        uses = models.OverrideUse.objects.filter(override_id=key)
        is_used_here = uses.filter(subject_id=subject_id).exists()
        if most_uses is None or is_used_here or uses.count() < most_uses:
            return UUID(str(public_id))
    return None


def _in_force(day: dt.date) -> QuerySet[models.Delegation]:
    return models.Delegation.objects.filter(
        revoked_at=None, starts_on__lte=day, ends_on__gt=day
    ).order_by("id")


def _owner(cost_center_id: int | None, parties: approvals.Parties) -> int | None:
    nodes: dict[int, tuple[int | None, int | None]] = {
        key: (parent, owner)
        for key, parent, owner in models.CostCenter.objects.values_list(
            "id", "parent_id", "owner_id"
        )
    }
    below = cost_center_id
    if below is None:
        below = organizations.root_cost_center_id()
    while below is not None:
        below, owner = nodes[below]
        if owner is not None and owner not in parties.people:
            return owner
    return None


def _request(row: models.ApprovalRequest, day: dt.date | None) -> Request:
    parties = approvals.Parties(row.requested_by_id, row.prepared_by_id)
    if day is not None and parties.people:
        delegates = _in_force(day).filter(delegator_id__in=parties.people)
        parties = replace(
            parties, delegates=frozenset(delegates.values_list("delegate_id", flat=True))
        )
    return Request(
        id=row.pk,
        public_id=row.public_id,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        facts=approvals.Facts(
            amount=money.Money(row.amount_minor, row.currency),
            recipient_class=recipients.RecipientClass(row.recipient_class),
            country=row.country,
            cost_center_id=row.cost_center_id,
            available_minor=row.available_minor,
            revised_minor=row.revised_minor,
            opportunity_minor=row.opportunity_minor,
            rules=tuple(row.rules),
        ),
        decision=approvals.Decision(
            policy_version=row.policy_version,
            steps=_steps(row.steps),
            reasons=tuple(row.reasons),
        ),
        parties=parties,
        state=approvals.RequestState(row.state),
        forbids_delegates=row.forbids_delegates,
        is_escalated=row.is_escalated,
        escalates_to=access.Role(row.escalates_to),
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        decided_at=row.decided_at,
    )


def _steps(kept: Sequence[Mapping[str, Any]]) -> tuple[approvals.Step, ...]:
    return tuple(
        approvals.Step(number=each["number"], approver=_approver(each), count=each["count"])
        for each in kept
    )


def _approver(kept: Mapping[str, Any]) -> approvals.Approver:
    return approvals.Approver(
        kind=approvals.ApproverKind(kept["kind"]),
        role=access.Role(kept["role"]) if kept["role"] else None,
        user_id=kept["user_id"],
    )
