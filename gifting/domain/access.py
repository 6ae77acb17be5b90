"""Who may do what: roles for people, scopes for tokens, and the actor that every use carries.

The rule kept here: finance sees all money and nobody's name; senders (marketing and sales) see the
cost centers they are placed on and those below; auditors change nothing; a token may do what its
scopes say and no more. It is enforced in selectors and services by `Actor.require`, never in a
resolver; that an approver is not the requester is enforced on the record itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self
from uuid import UUID

from gifting.domain import refusals


class Role(StrEnum):
    ADMIN = "ADMIN"
    MARKETING = "MARKETING"
    SALES = "SALES"
    FINANCE = "FINANCE"
    APPROVER = "APPROVER"
    AUDITOR = "AUDITOR"
    SERVICE = "SERVICE"


class Permission(StrEnum):
    READ_CAMPAIGNS = "READ_CAMPAIGNS"
    READ_SPEND = "READ_SPEND"
    READ_BUDGETS = "READ_BUDGETS"
    READ_ATTRIBUTION = "READ_ATTRIBUTION"
    READ_PERSONAL_DATA = "READ_PERSONAL_DATA"
    READ_ACCESS = "READ_ACCESS"
    WRITE_CAMPAIGNS = "WRITE_CAMPAIGNS"
    WRITE_SENDS = "WRITE_SENDS"
    WRITE_VENDORS = "WRITE_VENDORS"
    WRITE_BUDGETS = "WRITE_BUDGETS"
    APPROVE = "APPROVE"
    MANAGE_POLICIES = "MANAGE_POLICIES"
    CLOSE_PERIODS = "CLOSE_PERIODS"
    RUN_ATTRIBUTION = "RUN_ATTRIBUTION"
    IMPORT = "IMPORT"
    MANAGE_CONNECTIONS = "MANAGE_CONNECTIONS"
    MANAGE_ACCESS = "MANAGE_ACCESS"


class Scope(StrEnum):
    """What a service token may be granted."""

    READ_CAMPAIGNS = "read:campaigns"
    READ_SPEND = "read:spend"
    READ_BUDGETS = "read:budgets"
    READ_ATTRIBUTION = "read:attribution"
    READ_PERSONAL = "read:personal"
    WRITE_CAMPAIGNS = "write:campaigns"
    WRITE_SENDS = "write:sends"
    WRITE_VENDORS = "write:vendors"
    WRITE_BUDGETS = "write:budgets"
    RUN_ATTRIBUTION = "run:attribution"
    ADMIN_IMPORT = "admin:import"
    ADMIN_CONNECTIONS = "admin:connections"


_READ_MONEY = frozenset(
    {
        Permission.READ_CAMPAIGNS,
        Permission.READ_SPEND,
        Permission.READ_BUDGETS,
        Permission.READ_ATTRIBUTION,
    }
)
_SEND = _READ_MONEY | {Permission.READ_PERSONAL_DATA, Permission.WRITE_SENDS}

ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.MARKETING: _SEND
        | {Permission.WRITE_CAMPAIGNS, Permission.WRITE_VENDORS, Permission.RUN_ATTRIBUTION},
        Role.SALES: _SEND,
        Role.FINANCE: _READ_MONEY
        | {
            Permission.WRITE_VENDORS,
            Permission.WRITE_BUDGETS,
            Permission.APPROVE,
            Permission.CLOSE_PERIODS,
            Permission.RUN_ATTRIBUTION,
        },
        Role.APPROVER: _READ_MONEY | {Permission.APPROVE},
        Role.AUDITOR: _READ_MONEY | {Permission.READ_ACCESS},
        # A token's permissions come from its scopes alone.
        Role.SERVICE: frozenset(),
    }
)

# Members of these roles see their own cost centers and those below, not the whole company.
SENDER_ROLES: Final = frozenset({Role.MARKETING, Role.SALES})

SCOPE_PERMISSIONS: Final[Mapping[Scope, Permission]] = MappingProxyType(
    {
        Scope.READ_CAMPAIGNS: Permission.READ_CAMPAIGNS,
        Scope.READ_SPEND: Permission.READ_SPEND,
        Scope.READ_BUDGETS: Permission.READ_BUDGETS,
        Scope.READ_ATTRIBUTION: Permission.READ_ATTRIBUTION,
        Scope.READ_PERSONAL: Permission.READ_PERSONAL_DATA,
        Scope.WRITE_CAMPAIGNS: Permission.WRITE_CAMPAIGNS,
        Scope.WRITE_SENDS: Permission.WRITE_SENDS,
        Scope.WRITE_VENDORS: Permission.WRITE_VENDORS,
        Scope.WRITE_BUDGETS: Permission.WRITE_BUDGETS,
        Scope.RUN_ATTRIBUTION: Permission.RUN_ATTRIBUTION,
        Scope.ADMIN_IMPORT: Permission.IMPORT,
        Scope.ADMIN_CONNECTIONS: Permission.MANAGE_CONNECTIONS,
    }
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Name who asks, for which organization, and what they may do there.

    A person has a `user_id`, a service token a `token_id`; the product's own workers and commands
    have neither. `cost_center_ids` holds the cost centers in view with those below them; None is
    all of them.
    """

    user_id: int | None
    token_id: int | None
    organization_id: UUID
    role: Role
    permissions: frozenset[Permission]
    cost_center_ids: frozenset[int] | None

    @classmethod
    def member(
        cls, *, user_id: int, organization_id: UUID, role: Role, cost_center_ids: Iterable[int]
    ) -> Self:
        """Make the actor of a person; the cost centers limit senders alone."""
        return cls(
            user_id=user_id,
            token_id=None,
            organization_id=organization_id,
            role=role,
            permissions=ROLE_PERMISSIONS[role],
            cost_center_ids=frozenset(cost_center_ids) if role in SENDER_ROLES else None,
        )

    @classmethod
    def token(cls, *, token_id: int, organization_id: UUID, scopes: Iterable[Scope]) -> Self:
        """Make the actor of a service token."""
        return cls(
            user_id=None,
            token_id=token_id,
            organization_id=organization_id,
            role=Role.SERVICE,
            permissions=frozenset(SCOPE_PERMISSIONS[scope] for scope in scopes),
            cost_center_ids=None,
        )

    @classmethod
    def system(cls, *, organization_id: UUID) -> Self:
        """Make the actor of a worker or a command run by whoever operates the product."""
        return cls(
            user_id=None,
            token_id=None,
            organization_id=organization_id,
            role=Role.SERVICE,
            permissions=frozenset(Permission),
            cost_center_ids=None,
        )

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def sees_cost_center(self, cost_center_id: int) -> bool:
        return self.cost_center_ids is None or cost_center_id in self.cost_center_ids

    def require(self, permission: Permission) -> None:
        """Refuse an actor without the permission; raises Forbidden."""
        if not self.may(permission):
            who = "This token" if self.token_id is not None else f"The role {self.role}"
            raise refusals.Forbidden(
                f"{who} does not include {permission}. Ask an administrator of your organization "
                "for it."
            )

    def require_cost_center(self, cost_center_id: int) -> None:
        """Refuse an actor who does not see the cost center; raises Forbidden."""
        if not self.sees_cost_center(cost_center_id):
            raise refusals.Forbidden(
                "This cost center is outside the ones you are placed on. Ask an administrator of "
                "your organization to place you on it.",
                field="cost_center",
            )
