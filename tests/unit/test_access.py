"""Access: the table of rights, and the actor who carries them."""

from __future__ import annotations

from uuid import UUID

import pytest

from gifting.domain import access, refusals
from gifting.domain.access import Actor, Permission, Role, Scope

ORGANIZATION = UUID("6f1f7b1e-5f0f-4a51-9d5c-0d8f4c1f7a01")
READS = {permission for permission in Permission if permission.startswith("READ_")}


def member(role: Role, *cost_center_ids: int) -> Actor:
    return Actor.member(
        user_id=1, organization_id=ORGANIZATION, role=role, cost_center_ids=cost_center_ids
    )


@pytest.mark.parametrize("role", [Role.FINANCE, Role.AUDITOR, Role.APPROVER])
def test_roles_of_money_see_all_of_it_and_nobodys_name(role: Role) -> None:
    actor = member(role, 7)

    seen = {permission for permission in READS if actor.may(permission)}

    assert seen - {Permission.READ_ACCESS} == {
        Permission.READ_CAMPAIGNS,
        Permission.READ_SPEND,
        Permission.READ_BUDGETS,
        Permission.READ_ATTRIBUTION,
    }
    assert actor.cost_center_ids is None


def test_auditors_change_nothing() -> None:
    assert access.ROLE_PERMISSIONS[Role.AUDITOR] <= READS


@pytest.mark.parametrize("role", [Role.MARKETING, Role.SALES])
def test_senders_see_their_own_cost_centers_only(role: Role) -> None:
    maya = member(role, 7, 8)

    maya.require_cost_center(8)
    with pytest.raises(refusals.Forbidden, match="outside the ones you are placed on"):
        maya.require_cost_center(9)


def test_a_sender_without_a_place_sees_no_cost_center() -> None:
    assert member(Role.SALES).cost_center_ids == frozenset()


@pytest.mark.parametrize("role", [Role.MARKETING, Role.SALES, Role.AUDITOR])
def test_senders_and_auditors_neither_approve_nor_close_nor_budget(role: Role) -> None:
    denied = {Permission.APPROVE, Permission.CLOSE_PERIODS, Permission.WRITE_BUDGETS}

    assert access.ROLE_PERMISSIONS[role] & denied == set()


def test_only_administrators_manage_access_connections_and_imports() -> None:
    kept_back = {Permission.MANAGE_ACCESS, Permission.MANAGE_CONNECTIONS, Permission.IMPORT}

    holders = {role for role in Role if access.ROLE_PERMISSIONS[role] & kept_back}

    assert holders == {Role.ADMIN}
    assert access.ROLE_PERMISSIONS[Role.ADMIN] == set(Permission)


def test_a_missing_permission_is_refused_by_name() -> None:
    femi = member(Role.FINANCE)

    with pytest.raises(refusals.Forbidden) as refused:
        femi.require(Permission.READ_PERSONAL_DATA)

    assert refused.value.code == "FORBIDDEN"
    assert refused.value.message == (
        "The role FINANCE does not include READ_PERSONAL_DATA. Ask an administrator of your "
        "organization for it."
    )


def test_a_held_permission_is_not_refused() -> None:
    member(Role.FINANCE).require(Permission.WRITE_BUDGETS)


def test_a_token_may_do_what_its_scopes_say_and_no_more() -> None:
    token = Actor.token(
        token_id=5,
        organization_id=ORGANIZATION,
        scopes=[Scope.READ_SPEND, Scope("admin:import")],
    )

    assert token.permissions == {Permission.READ_SPEND, Permission.IMPORT}
    assert (token.user_id, token.role) == (None, Role.SERVICE)
    with pytest.raises(refusals.Forbidden, match=r"^This token does not include APPROVE\."):
        token.require(Permission.APPROVE)


def test_no_scope_grants_approval_closing_or_access() -> None:
    granted = set(access.SCOPE_PERMISSIONS.values())

    assert set(access.SCOPE_PERMISSIONS) == set(Scope)
    assert set(Permission) - granted == {
        Permission.APPROVE,
        Permission.CLOSE_PERIODS,
        Permission.MANAGE_ACCESS,
        Permission.MANAGE_POLICIES,
        Permission.READ_ACCESS,
    }


def test_the_products_own_workers_may_do_everything_in_one_organization() -> None:
    worker = Actor.system(organization_id=ORGANIZATION)

    assert worker.permissions == set(Permission)
    assert (worker.user_id, worker.token_id, worker.organization_id) == (None, None, ORGANIZATION)
