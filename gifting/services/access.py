"""Decide who asks: a person with a membership, a machine with a token, or the product itself."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import auth

from gifting import models
from gifting.domain import access, refusals, texts
from gifting.selectors import organizations
from gifting.services import conflicts, tenancy

TOKEN_PREFIX = "tribute_"  # noqa: S105 - the public beginning of every token, for secret scanners
TOKEN_BYTES = 32
SHOWN_LENGTH = 14
LONGEST_TOKEN_DAYS = 366
OPERATOR = "operator"


class Unauthenticated(refusals.Forbidden):
    """Nobody is known to be asking, or the token is unknown, expired or revoked."""

    code = "UNAUTHENTICATED"


class UnknownOrganization(refusals.NotFound):
    """The organization does not exist, or the person is not a member of it."""

    code = "UNKNOWN_ORGANIZATION"


class TokenLifetimeOutOfRange(refusals.Invalid):
    code = "TOKEN_LIFETIME_OUT_OF_RANGE"


class TokenWithoutScope(refusals.Invalid):
    code = "TOKEN_WITHOUT_SCOPE"


class TokenNameTaken(refusals.Conflict):
    code = "TOKEN_NAME_TAKEN"


class UnknownPerson(refusals.NotFound):
    code = "UNKNOWN_PERSON"


class RoleUnusable(refusals.Invalid):
    code = "ROLE_UNUSABLE"


class LastAdministrator(refusals.Conflict):
    code = "LAST_ADMINISTRATOR"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token; the secret exists only here, once."""

    id: int
    public_id: UUID
    secret: str
    expires_at: datetime


def actor_for_user(*, user_id: int, organization_slug: str | None) -> access.Actor:
    """Return the person's actor in the named organization, or in the only one they belong to.

    Raises UnknownOrganization.
    """
    with tenancy.door(f"user:{user_id}"):
        memberships = {
            membership.organization_id: membership
            for membership in models.Membership.objects.filter(user_id=user_id)
        }
    if organization_slug is not None:
        named = _organization_called(organization_slug)
        return _member(memberships.get(named) if named else None, organization_slug)
    if len(memberships) != 1:
        raise UnknownOrganization(
            f"You are a member of {len(memberships)} organizations. "
            "Name one in the header X-Organization."
        )
    (only,) = memberships.values()
    return _member(only, "")


def actor_for_operator(*, user_id: int, organization_slug: str | None) -> access.Actor:
    """Return the actor of the server's operator in the named organization, or in the only one.

    The caller knows that the person operates the server. Raises UnknownOrganization.
    """
    with tenancy.door(OPERATOR):
        found = [
            row for row in organizations.list_visible() if organization_slug in {None, row.slug}
        ]
    if len(found) != 1:
        raise UnknownOrganization("Choose one of the organizations of this server.")
    return access.Actor.member(
        user_id=user_id,
        organization_id=found[0].id,
        role=access.Role.ADMIN,
        cost_center_ids=(),
    )


def organizations_of_user(*, user_id: int) -> tuple[organizations.OrganizationRecord, ...]:
    """Return the organizations that a person is a member of, by name."""
    with tenancy.door(f"user:{user_id}"):
        ids = list(
            models.Membership.objects.filter(user_id=user_id).values_list(
                "organization_id", flat=True
            )
        )
    found = []
    for organization_id in ids:
        with tenancy.organization(organization_id):
            found.append(organizations.get(organization_id=organization_id))
    return tuple(sorted(found, key=lambda row: row.name))


def organizations_of_server() -> tuple[organizations.OrganizationRecord, ...]:
    """Return every organization, for the operator of the server."""
    with tenancy.door(OPERATOR):
        return organizations.list_visible()


def actor_for_token(*, secret: str, at: datetime) -> access.Actor:
    """Return the token's actor; raises Unauthenticated for a token that does not work."""
    secret_hash = _hash(secret)
    with tenancy.door(f"token:{secret_hash}"):
        token = models.ServiceToken.objects.filter(secret_hash=secret_hash).first()
    if token is None or token.revoked_at is not None or token.expires_at <= at:
        raise Unauthenticated("The token is unknown, expired or revoked. Ask for a new one.")
    return access.Actor.token(
        token_id=token.id,
        organization_id=token.organization_id,
        scopes=[access.Scope(scope) for scope in token.scopes],
    )


def issue_token(
    *,
    actor: access.Actor,
    name: str,
    scopes: frozenset[access.Scope],
    lifetime: timedelta,
    at: datetime,
) -> IssuedToken:
    """Make a service token and return its secret, which is not kept.

    Raises Forbidden, TextUnusable, TokenLifetimeOutOfRange, TokenWithoutScope and TokenNameTaken.
    """
    actor.require(access.Permission.MANAGE_ACCESS)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    if not timedelta(0) < lifetime <= timedelta(days=LONGEST_TOKEN_DAYS):
        raise TokenLifetimeOutOfRange(
            f"A token lives from now up to {LONGEST_TOKEN_DAYS} days.", field="lifetime"
        )
    if not scopes:
        raise TokenWithoutScope(
            "A token without a scope can do nothing. Choose one.", field="scopes"
        )
    secret = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    taken = TokenNameTaken(f"A token named {name!r} exists. Choose another name.", field="name")
    with conflicts.refusing("service_token_name_is_unique", taken):
        token = models.ServiceToken.objects.create(
            organization_id=actor.organization_id,
            name=name,
            prefix=secret[:SHOWN_LENGTH],
            secret_hash=_hash(secret),
            scopes=sorted(scopes),
            created_by_id=actor.user_id,
            expires_at=at + lifetime,
        )
    return IssuedToken(
        id=token.pk, public_id=token.public_id, secret=secret, expires_at=token.expires_at
    )


def revoke_token(*, actor: access.Actor, public_id: UUID, at: datetime) -> None:
    """Stop a token from the next request on; a revoked token stays revoked."""
    actor.require(access.Permission.MANAGE_ACCESS)
    models.ServiceToken.objects.filter(public_id=public_id, revoked_at=None).update(revoked_at=at)


def add_member(
    *, actor: access.Actor, user_id: int, role: access.Role, cost_center_id: int | None = None
) -> int:
    """Give a person their one role in the organization; return the membership's id.

    Raises Forbidden, RoleUnusable and LastAdministrator.
    """
    actor.require(access.Permission.MANAGE_ACCESS)
    if role is access.Role.SERVICE:
        raise RoleUnusable("SERVICE is the role of tokens. Choose a person's role.", field="role")
    _keep_an_administrator(user_id=user_id, role=role)
    membership, _ = models.Membership.objects.update_or_create(
        organization_id=actor.organization_id,
        user_id=user_id,
        defaults={"role": role.value, "cost_center_id": cost_center_id},
    )
    return membership.pk


def user_id_of(*, username: str) -> int:
    """Return who logs in by this name, to make them a member; raises UnknownPerson."""
    person = auth.get_user_model().objects.filter(username=username, is_active=True).first()
    if person is None:
        raise UnknownPerson(
            f"Nobody logs in as {username!r}. Ask the operator of the server to create the login "
            "first.",
            field="username",
        )
    return int(person.pk)


def _keep_an_administrator(*, user_id: int, role: access.Role) -> None:
    """Refuse to take the role from the one administrator; both would-be last ones are locked."""
    administrators = set(
        models.Membership.objects.select_for_update()
        .filter(role=access.Role.ADMIN.value)
        .order_by("id")
        .values_list("user_id", flat=True)
    )
    if role is not access.Role.ADMIN and administrators == {user_id}:
        raise LastAdministrator(
            "This is the only administrator of the organization. Make another one first.",
            field="role",
        )


def _organization_called(slug: str) -> UUID | None:
    with tenancy.door(f"slug:{slug}"):
        found = organizations.find_by_slug(slug=slug)
    return found.id if found else None


def _member(membership: models.Membership | None, slug: str) -> access.Actor:
    if membership is None:
        raise UnknownOrganization(
            f"You are not a member of an organization {slug!r}. "
            "Check the name in the header X-Organization."
        )
    role = access.Role(membership.role)
    return access.Actor.member(
        user_id=membership.user_id,
        organization_id=membership.organization_id,
        role=role,
        cost_center_ids=_placed_on(membership) if role in access.SENDER_ROLES else (),
    )


def _placed_on(membership: models.Membership) -> frozenset[int]:
    with tenancy.organization(membership.organization_id):
        branch = membership.cost_center_id or organizations.root_cost_center_id()
        return organizations.subtree(cost_center_ids=[branch])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
