"""Let people and programs into a sandbox company on a developer's own machine."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from gifting.domain import access, refusals
from gifting.services import known_tokens, tenancy
from integrations.services import sandbox

TOKEN_NAME: Final = "Sandbox token (development only)"  # noqa: S105 - a name, not a secret
TOKEN_LIFETIME: Final = dt.timedelta(days=366)
PASSWORD_LENGTH: Final = 16


class OnlyInSandbox(refusals.Conflict):
    code = "ONLY_IN_SANDBOX"


@dataclass(frozen=True, slots=True)
class Doors:
    """How to come in: the same password for everyone of the company, and a service token."""

    password: str
    token: str


def open_doors(*, made: sandbox.Sandbox, key: str, at: dt.datetime) -> Doors:
    """Give the sandbox's people a password and the company a token, both made from the key.

    A person who has a password keeps it. Whoever has the key can make both again, so this belongs
    on a developer's machine alone. Raises OnlyInSandbox.
    """
    if not made.organization.is_synthetic or not made.people:
        raise OnlyInSandbox(
            f"{made.organization.name} is no sandbox company, so it gets no known password."
        )
    doors = Doors(
        password=_derived(key, "password", made)[:PASSWORD_LENGTH],
        token=_keep_token(made, _derived(key, "token", made), at),
    )
    _give_passwords(made, doors.password)
    return doors


def _keep_token(made: sandbox.Sandbox, key: str, at: dt.datetime) -> str:
    with tenancy.organization(made.organization.id):
        return known_tokens.keep(
            actor=access.Actor.system(organization_id=made.organization.id),
            name=TOKEN_NAME,
            key=key,
            scopes=frozenset(access.Scope),
            lifetime=TOKEN_LIFETIME,
            at=at,
        )


def _give_passwords(made: sandbox.Sandbox, password: str) -> None:
    """Let everyone log in to the pages, and the administrator operate the server."""
    users = get_user_model().objects.filter(
        username__in=[person.user_name for person in made.people]
    )
    without = [user for user in users if not user.has_usable_password()]
    if not without:
        return
    # Hashing takes a third of a second by design: once is enough for a password that is printed.
    hashed = make_password(password)
    administrators = {
        person.user_name for person in made.people if person.role is access.Role.ADMIN
    }
    for user in without:
        user.password = hashed
        user.is_staff = True
        user.is_superuser = user.get_username() in administrators
        user.save(update_fields=["password", "is_staff", "is_superuser"])


def _derived(key: str, purpose: str, made: sandbox.Sandbox) -> str:
    message = f"sandbox {purpose} of {made.organization.slug}"
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
