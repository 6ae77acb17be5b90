"""Approvals: who is asked, who may answer, and what PostgreSQL refuses whoever asks."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from gifting import models
from gifting.domain import access, refusals
from gifting.domain import approvals as matrix
from gifting.selectors import approvals as records
from gifting.services import approvals as service
from gifting.services import delegations, operations, overrides, tenancy
from tests.factories import approvals, organizations

pytestmark = pytest.mark.django_db

NOON = organizations.NOON
STATES = matrix.RequestState
FROM_250 = approvals.band(amount_at_least_minor=250_00)


@pytest.fixture
def cast() -> Iterator[organizations.Cast]:
    found = organizations.make_cast()
    with tenancy.organization(found.organization.id):
        yield found


def maya(cast: organizations.Cast) -> access.Actor:
    return approvals.actor_of(cast.maya.pk, access.Role.MARKETING)


def femi(cast: organizations.Cast) -> access.Actor:
    return approvals.actor_of(cast.femi.pk, access.Role.FINANCE)


def ana(cast: organizations.Cast) -> access.Actor:
    return approvals.actor_of(cast.ana.pk, access.Role.ADMIN)


def state_of(outcome: service.Outcome) -> matrix.RequestState:
    return records.get(request_id=outcome.request_id).state


def test_a_request_is_approved_by_the_role_that_the_band_names(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    asked = approvals.ask(maya(cast))

    decided = approvals.answer(asked, femi(cast))

    assert asked.state is STATES.PENDING
    assert decided.state is STATES.APPROVED
    assert decided.decision.reasons == ("band 1 (amount from 250.00 USD): 1 of role FINANCE",)


def test_small_amounts_are_approved_at_once_with_the_version_kept(
    cast: organizations.Cast,
) -> None:
    approvals.define(FROM_250)

    asked = approvals.ask(maya(cast), 249_99)

    assert (asked.state, asked.policy_version) == (STATES.APPROVED, 1)


def test_without_a_policy_only_gift_rules_ask(cast: organizations.Cast) -> None:
    facts = matrix.Facts(approvals.usd(9_999_00))

    free = service.evaluate(actor=maya(cast), facts=facts, at=NOON)
    asked_by_rule = service.evaluate(
        actor=maya(cast),
        facts=matrix.Facts(approvals.usd(1), rules=("OFFICIAL-ANY",)),
        at=NOON,
    )

    assert (free.policy_version, free.steps) == (0, ())
    assert [step.approver for step in asked_by_rule.steps] == [matrix.RULE_APPROVER]


def test_a_new_version_leaves_what_was_asked_under_the_old_one(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    asked = approvals.ask(maya(cast))

    approvals.define(approvals.band(count=2), at=NOON + dt.timedelta(hours=1))

    decided = approvals.answer(asked, femi(cast), at=NOON + dt.timedelta(hours=2))
    assert (decided.state, decided.policy_version) == (STATES.APPROVED, 1)
    assert approvals.ask(maya(cast), at=NOON + dt.timedelta(hours=2)).policy_version == 2


def test_two_of_a_role_are_two_people(cast: organizations.Cast) -> None:
    approvals.define(approvals.band(count=2))
    asked = approvals.ask(maya(cast))

    first = approvals.answer(asked, femi(cast))
    with pytest.raises(service.AlreadyDecided):
        approvals.answer(asked, femi(cast))
    second = approvals.answer(asked, approvals.member(access.Role.FINANCE))

    assert (first.state, second.state) == (STATES.PENDING, STATES.APPROVED)


def test_one_refusal_ends_a_request(cast: organizations.Cast) -> None:
    approvals.define(approvals.band(count=2))
    asked = approvals.ask(maya(cast))

    decided = service.reject(
        actor=femi(cast), key="no", request_id=asked.request_id, reason="Too dear", at=NOON
    )

    assert decided.state is STATES.REJECTED
    with pytest.raises(service.ApprovalRequestClosed):
        approvals.answer(asked, approvals.member(access.Role.FINANCE))


def test_the_same_key_answers_once_and_for_one_thing(cast: organizations.Cast) -> None:
    approvals.define(approvals.band(count=2))
    asked, other = approvals.ask(maya(cast)), approvals.ask(maya(cast))
    for _ in range(2):
        service.approve(actor=femi(cast), key="k1", request_id=asked.request_id, at=NOON)

    with pytest.raises(operations.IdempotencyKeyReused):
        service.approve(actor=femi(cast), key="k1", request_id=other.request_id, at=NOON)

    assert models.Approval.objects.count() == 1


def test_nobody_approves_what_they_asked_for_or_prepared(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    own = approvals.ask(femi(cast))
    prepared = approvals.ask(maya(cast), prepared_by=cast.femi.pk)

    for asked in (own, prepared):
        with pytest.raises(matrix.SelfApproval):
            approvals.answer(asked, femi(cast))

    assert (state_of(own), state_of(prepared)) == (STATES.PENDING, STATES.PENDING)
    assert not models.Approval.objects.exists()


def test_whoever_made_a_token_cannot_approve_what_it_asks_for(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    issued = organizations.make_service_token(
        scopes=frozenset({access.Scope.WRITE_SENDS}),
        by=approvals.actor_of(cast.femi.pk, access.Role.ADMIN),
    )
    machine = access.Actor.token(
        token_id=issued.id,
        organization_id=cast.organization.id,
        scopes=[access.Scope.WRITE_SENDS],
    )
    asked = approvals.ask(machine)

    with pytest.raises(matrix.SelfApproval):
        approvals.answer(asked, femi(cast))

    assert state_of(asked) is STATES.PENDING


def test_a_delegate_approves_for_the_one_who_is_away(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    stand_in = approvals.member(access.Role.MARKETING)
    approvals.delegate(cast.femi.pk, stand_in.user_id or 0)
    asked = approvals.ask(maya(cast))

    decided = approvals.answer(asked, stand_in, on_behalf_of=cast.femi.pk)

    given = models.Approval.objects.get()
    assert decided.state is STATES.APPROVED
    assert (given.approved_by_id, given.on_behalf_of_id) == (stand_in.user_id, cast.femi.pk)
    assert given.delegation is not None


@pytest.mark.parametrize("days_later", [-1, 7])
def test_a_delegation_holds_on_its_days_alone(cast: organizations.Cast, days_later: int) -> None:
    approvals.define(FROM_250, at=NOON - dt.timedelta(days=9), expires_after_hours=24 * 30)
    stand_in = approvals.member(access.Role.MARKETING)
    approvals.delegate(cast.femi.pk, stand_in.user_id or 0)
    asked = approvals.ask(maya(cast), at=NOON - dt.timedelta(days=2))

    with pytest.raises(service.DelegationNotInForce):
        approvals.answer(
            asked,
            stand_in,
            on_behalf_of=cast.femi.pk,
            at=NOON + dt.timedelta(days=days_later),
        )

    assert state_of(asked) is STATES.PENDING


def test_an_ended_delegation_is_over_and_what_was_decided_stays(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    stand_in = approvals.member(access.Role.MARKETING)
    delegation = approvals.delegate(cast.femi.pk, stand_in.user_id or 0)
    decided = approvals.answer(approvals.ask(maya(cast)), stand_in, on_behalf_of=cast.femi.pk)
    later = approvals.ask(maya(cast))
    delegations.revoke(actor=femi(cast), delegation_id=delegation, at=NOON)

    with pytest.raises(service.DelegationNotInForce):
        approvals.answer(later, stand_in, on_behalf_of=cast.femi.pk)

    assert state_of(decided) is STATES.APPROVED


def test_delegations_in_a_circle_let_nobody_approve_their_own(cast: organizations.Cast) -> None:
    """Femi asks; Femi and another of finance delegate to each other."""
    approvals.define(FROM_250, forbids_delegates=False)
    other = approvals.member(access.Role.FINANCE)
    approvals.delegate(cast.femi.pk, other.user_id or 0)
    approvals.delegate(other.user_id or 0, cast.femi.pk)
    asked = approvals.ask(femi(cast))

    for actor, principal in ((femi(cast), other.user_id), (other, cast.femi.pk)):
        with pytest.raises(matrix.SelfApproval):
            approvals.answer(asked, actor, on_behalf_of=principal)

    assert state_of(asked) is STATES.PENDING


@pytest.mark.parametrize("forbids", [True, False])
def test_the_policy_may_keep_delegates_of_the_requester_out(
    cast: organizations.Cast, *, forbids: bool
) -> None:
    approvals.define(FROM_250, forbids_delegates=forbids)
    requester = approvals.member(access.Role.FINANCE)
    approvals.delegate(requester.user_id or 0, cast.femi.pk)
    asked = approvals.ask(requester)

    if forbids:
        with pytest.raises(matrix.DelegateOfRequester):
            approvals.answer(asked, femi(cast))
    else:
        approvals.answer(asked, femi(cast))

    assert state_of(asked) is (STATES.PENDING if forbids else STATES.APPROVED)


def test_one_approver_delegates_to_one_person_at_a_time(cast: organizations.Cast) -> None:
    approvals.delegate(cast.femi.pk, cast.maya.pk)

    with pytest.raises(delegations.DelegationOverlaps):
        approvals.delegate(cast.femi.pk, cast.ana.pk, starts_on=NOON.date(), days=1)

    assert models.Delegation.objects.count() == 1


def test_others_than_the_approver_do_not_delegate_it(cast: organizations.Cast) -> None:
    with pytest.raises(refusals.Forbidden):
        delegations.delegate(
            actor=maya(cast),
            key="k",
            delegator=cast.femi.pk,
            to=cast.maya.pk,
            starts_on=NOON.date(),
            ends_on=NOON.date() + dt.timedelta(days=1),
            reason="I would like to",
        )

    assert not models.Delegation.objects.exists()


def test_the_nearest_owner_above_approves_and_never_their_own(cast: organizations.Cast) -> None:
    above = organizations.make_cost_center()
    below = organizations.make_cost_center(parent=above)
    models.CostCenter.objects.filter(id=above.pk).update(owner=cast.femi)
    models.CostCenter.objects.filter(id=below.pk).update(owner=cast.maya)
    approvals.define(
        approvals.band(approver=matrix.Approver(matrix.ApproverKind.COST_CENTER_OWNER))
    )
    approver = approvals.member(access.Role.MARKETING)

    of_other = approvals.ask(approver, cost_center_id=below.pk)
    of_owner = approvals.ask(maya(cast), cost_center_id=below.pk)
    of_both = approvals.ask(femi(cast), cost_center_id=above.pk)

    assert [step.approver.user_id for step in of_other.decision.steps] == [cast.maya.pk]
    assert [step.approver.user_id for step in of_owner.decision.steps] == [cast.femi.pk]
    assert [step.approver.role for step in of_both.decision.steps] == [access.Role.ADMIN]


def test_what_nobody_decides_is_passed_on_and_then_lapses(cast: organizations.Cast) -> None:
    approvals.define(FROM_250, escalates_after_hours=24, expires_after_hours=48)
    passed_on, left = approvals.ask(maya(cast)), approvals.ask(maya(cast))
    with pytest.raises(matrix.NotAnApprover):
        approvals.answer(passed_on, ana(cast))

    early = service.sweep(actor=approvals.system(), at=NOON + dt.timedelta(hours=23))
    late = service.sweep(actor=approvals.system(), at=NOON + dt.timedelta(hours=24))
    decided = approvals.answer(passed_on, ana(cast), at=NOON + dt.timedelta(hours=25))
    end = NOON + dt.timedelta(hours=48)
    looked_at = service.outcome(actor=maya(cast), request_id=left.request_id, at=end)
    with pytest.raises(service.ApprovalRequestClosed):
        approvals.answer(left, femi(cast), at=end)
    swept = service.sweep(actor=approvals.system(), at=end)

    assert (early, late, swept) == ((0, 0), (0, 2), (1, 0))
    assert (decided.state, looked_at.state) == (STATES.APPROVED, STATES.EXPIRED)
    assert state_of(left) is STATES.EXPIRED


def test_a_request_asked_anew_for_more_replaces_the_one_that_waits(
    cast: organizations.Cast,
) -> None:
    approvals.define(FROM_250)
    subject = uuid.uuid4()
    first = approvals.ask(maya(cast), 300_00, subject=subject)

    again = approvals.ask(maya(cast), 300_00, subject=subject)
    more = approvals.ask(maya(cast), 301_00, subject=subject)
    approvals.answer(more, femi(cast))
    less = approvals.ask(maya(cast), 299_00, subject=subject)

    assert again.request_id == first.request_id
    assert state_of(first) is STATES.WITHDRAWN
    assert (less.request_id, less.state) == (more.request_id, STATES.APPROVED)


def test_what_was_approved_does_not_cover_more(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    subject = service.Subject("SEND", uuid.uuid4())
    approvals.answer(approvals.ask(maya(cast), subject=subject.id), femi(cast))

    def require(amount_minor: int) -> service.Outcome:
        facts = matrix.Facts(approvals.usd(amount_minor))
        return service.require_approved(actor=maya(cast), subject=subject, facts=facts, at=NOON)

    with pytest.raises(service.ApprovalMissing):
        require(300_01)
    assert require(300_00).is_approved


def test_the_inbox_holds_what_waits_for_the_person_or_those_they_act_for(
    cast: organizations.Cast,
) -> None:
    approvals.define(approvals.band(count=2))
    stand_in = approvals.member(access.Role.MARKETING)
    approvals.delegate(cast.femi.pk, stand_in.user_id or 0)
    asked = approvals.ask(maya(cast))
    own = approvals.ask(femi(cast))

    def waiting(actor: access.Actor) -> list[uuid.UUID]:
        return [row.public_id for row in records.inbox(actor=actor, at=NOON)]

    assert waiting(femi(cast)) == [asked.request_id]
    # What Femi asks for is neither Femi's to decide nor a stand-in's.
    assert state_of(own) is STATES.PENDING
    assert waiting(stand_in) == [asked.request_id]
    assert waiting(maya(cast)) == []
    approvals.answer(asked, femi(cast))
    assert waiting(femi(cast)) == []


def test_an_override_lets_one_subject_pass_once(cast: organizations.Cast) -> None:
    approvals.define(FROM_250)
    subject = uuid.uuid4()
    overrides.grant(
        actor=femi(cast),
        key="o",
        subject_id=subject,
        reason="The board meets today",
        requested_by=cast.maya.pk,
        valid_until=NOON + dt.timedelta(days=1),
        at=NOON,
    )

    passed = approvals.ask(maya(cast), subject=subject)
    more = approvals.ask(maya(cast), 900_00, subject=subject, at=NOON + dt.timedelta(days=2))

    assert passed.state is STATES.APPROVED
    assert passed.decision.reasons[-1].startswith("override ")
    assert more.state is STATES.PENDING


def test_an_override_is_not_its_requesters_to_allow_nor_its_approvers_to_use(
    cast: organizations.Cast,
) -> None:
    approvals.define(FROM_250)
    subject = uuid.uuid4()
    terms: dict[str, Any] = {
        "reason": "In a hurry",
        "subject_id": subject,
        "valid_until": NOON + dt.timedelta(days=1),
        "at": NOON,
    }
    with pytest.raises(overrides.OverrideByItsUser):
        overrides.grant(actor=femi(cast), key="a", requested_by=cast.femi.pk, **terms)
    overrides.grant(actor=femi(cast), key="b", requested_by=None, **terms)

    with pytest.raises(overrides.OverrideByItsUser):
        approvals.ask(femi(cast), subject=subject)

    assert not models.OverrideUse.objects.exists()


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ("approver_is_not_requester", "{maya}, {maya}, NULL, '{{1}}', 'APPROVED', {noon}"),
        ("approval_fits_its_steps", "{ana}, {ana}, NULL, '{{1}}', 'APPROVED', {noon}"),
        ("approval_fits_its_steps", "{femi}, {femi}, NULL, '{{1,2}}', 'APPROVED', {noon}"),
        ("approval_fits_its_steps", "{femi}, {femi}, NULL, '{{}}', 'APPROVED', {noon}"),
        ("approval_fits_its_steps", "{otto}, {otto}, NULL, '{{1}}', 'APPROVED', {noon}"),
        ("approval_for_another_is_delegated", "{ana}, {femi}, NULL, '{{1}}', 'APPROVED', {noon}"),
        ("delegation_is_in_force", "{ana}, {femi}, {delegation}, '{{1}}', 'APPROVED', {noon}"),
        ("approver_is_not_requester", "{femi}, {maya}, {delegation}, '{{1}}', 'APPROVED', {noon}"),
        ("approval_is_in_time", "{femi}, {femi}, NULL, '{{1}}', 'APPROVED', {noon} + '1 year'"),
        ("approval_verdict_is_known", "{femi}, {femi}, NULL, '{{1}}', 'MAYBE', {noon}"),
        ("approval_refusal_has_a_reason", "{femi}, {femi}, NULL, '{{1}}', 'REJECTED', {noon}"),
    ],
)
def test_postgresql_refuses_answers_that_are_nobodys_to_give(
    cast: organizations.Cast, rule: str, columns: str
) -> None:
    approvals.define(FROM_250)
    asked = approvals.ask(maya(cast))
    request = models.ApprovalRequest.objects.get(public_id=asked.request_id)
    stand_in = approvals.member(access.Role.MARKETING)
    made = approvals.delegate(cast.femi.pk, stand_in.user_id or 0)
    values = columns.format(
        maya=cast.maya.pk,
        femi=cast.femi.pk,
        ana=cast.ana.pk,
        otto=cast.otto.pk,
        delegation=models.Delegation.objects.get(public_id=made).pk,
        noon=f"timestamptz '{NOON.isoformat()}'",
    )

    reason = "" if "REJECTED" in columns else "Because"

    broken = refused(
        "INSERT INTO gifting_approval (organization_id, request_id, approved_by_id,"
        " on_behalf_of_id, delegation_id, step_numbers, verdict, decided_at, reason)"
        f" VALUES ('{cast.organization.id}', {request.pk}, {values}, '{reason}')"
    )

    assert broken == rule
    assert state_of(asked) is STATES.PENDING


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE gifting_approvalrequest SET state = 'APPROVED'", "permission"),
        ("UPDATE gifting_approvalrequest SET amount_minor = 1", "permission"),
        ("DELETE FROM gifting_approvalrequest", "permission"),
        ("UPDATE gifting_approval SET reason = 'x'", "permission"),
        ("DELETE FROM gifting_approval", "permission"),
        ("UPDATE gifting_approvalpolicy SET bands = '[]'", "permission"),
        ("UPDATE gifting_delegation SET delegate_id = delegate_id", "permission"),
        ("UPDATE gifting_override SET most_uses = NULL", "permission"),
    ],
)
def test_nobody_edits_what_was_decided(
    cast: organizations.Cast, statement: str, broken: str
) -> None:
    approvals.make_approval()
    approvals.make_override_use()

    assert refused(statement) == broken


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE gifting_approvalrequest SET state = 'APPROVED'",
            "approval_request_is_kept",
        ),
        (
            "UPDATE gifting_delegation SET delegate_id = delegator_id, revoked_at = now()",
            "delegation_is_ended_once",
        ),
    ],
)
def test_the_owner_of_the_tables_edits_nothing_either(
    cast: organizations.Cast, statement: str, rule: str
) -> None:
    approvals.make_request()
    approvals.make_delegation()
    run("SET LOCAL ROLE NONE")

    broken = refused(statement)

    run("SET LOCAL ROLE tribute_app")
    assert broken == rule


def test_a_request_does_not_start_approved(cast: organizations.Cast) -> None:
    request = approvals.make_request()
    request.pk, request.public_id, request.subject_id = None, uuid.uuid4(), uuid.uuid4()
    request.state, request.decided_at = STATES.APPROVED.value, NOON

    expected = pytest.raises(IntegrityError, match="the state of a request is derived")
    with expected, transaction.atomic():
        request.save(force_insert=True)


@pytest.mark.parametrize("used_at", [NOON - dt.timedelta(seconds=1), NOON + dt.timedelta(days=7)])
def test_an_override_is_used_in_its_time(cast: organizations.Cast, used_at: dt.datetime) -> None:
    override = approvals.make_override()

    with pytest.raises(overrides.OverrideUsedUp):
        overrides.use(
            actor=maya(cast), override_id=override.public_id, subject_id=uuid.uuid4(), at=used_at
        )

    assert not models.OverrideUse.objects.exists()


def test_an_override_is_used_as_often_as_it_says(cast: organizations.Cast) -> None:
    override = approvals.make_override()
    subject = uuid.uuid4()
    for _ in range(2):
        overrides.use(actor=maya(cast), override_id=override.public_id, subject_id=subject, at=NOON)

    with pytest.raises(overrides.OverrideUsedUp):
        overrides.use(
            actor=maya(cast), override_id=override.public_id, subject_id=uuid.uuid4(), at=NOON
        )

    assert models.OverrideUse.objects.count() == 1


@pytest.mark.parametrize(
    "band",
    [
        approvals.band(count=0),
        approvals.band(amount_at_least_minor=-1),
        approvals.band(left_below_percent=101),
        approvals.band(approver=matrix.Approver(matrix.ApproverKind.PERSON)),
        approvals.band(
            approver=matrix.Approver(matrix.ApproverKind.ROLE, role=access.Role.MARKETING)
        ),
        approvals.band(approver=matrix.Approver(matrix.ApproverKind.PERSON, user_id=999_999_999)),
    ],
)
def test_a_matrix_that_nobody_could_follow_is_refused(
    cast: organizations.Cast, band: matrix.Band
) -> None:
    with pytest.raises(matrix.PolicyUnusable):
        approvals.define(band)

    assert not models.ApprovalPolicy.objects.exists()


def refused(statement: str) -> str:
    """Run a statement and name the rule that it broke."""
    try:
        with transaction.atomic():
            run(statement)
    except Exception as error:  # noqa: BLE001 - whatever PostgreSQL says is the answer
        cause: Any = error.__cause__
        is_denied = cause.sqlstate == "42501"
        return "permission" if is_denied else str(cause.diag.constraint_name)
    return ""


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
