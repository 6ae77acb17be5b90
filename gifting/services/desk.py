"""Remember, on a request of the admin, who works there and for which organization.

The site in `config` sets the desk before any screen runs; every screen asks here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest

from gifting.domain import access
from gifting.selectors import organizations

ATTRIBUTE: Final = "tribute_desk"


@dataclass(frozen=True, slots=True)
class Desk:
    """The actor in the organization that they chose."""

    actor: access.Actor
    organization: organizations.OrganizationRecord


def sit(request: HttpRequest, desk: Desk) -> None:
    """Open the request for an organization."""
    setattr(request, ATTRIBUTE, desk)


def of(request: HttpRequest) -> Desk | None:
    """Return the desk, or None when no organization is chosen."""
    found: Desk | None = getattr(request, ATTRIBUTE, None)
    return found


def actor(request: HttpRequest) -> access.Actor:
    """Return the actor, on a page that is only shown to one."""
    desk = of(request)
    if desk is None:
        raise LookupError("No organization is chosen for this request.")
    return desk.actor


def may(request: HttpRequest, *permissions: access.Permission) -> bool:
    """Tell whether the actor has one of the permissions; without a choice nobody has any."""
    desk = of(request)
    return desk is not None and any(desk.actor.may(permission) for permission in permissions)


def is_operator(request: HttpRequest) -> bool:
    """Tell whether the person operates the server, and so every organization on it."""
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))
