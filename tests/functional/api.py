"""Talk to the GraphQL API as a client does: HTTP in, status and JSON out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.contrib.auth import models as auth
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils import timezone

from gifting.domain import access
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import organizations

ADDRESS = "/graphql/"
GRAPHQL_RESPONSE = "application/graphql-response+json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(self.content)
        return body

    @property
    def data(self) -> Any:
        """Return the data of an answer without errors."""
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", ())]

    @property
    def error(self) -> dict[str, Any]:
        """Return the only error."""
        (error,) = self.body["errors"]
        assert isinstance(error, dict)
        return error


@dataclass(slots=True)
class Api:
    """Send operations, always with the same headers."""

    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=Client)

    def ask(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> Reply:
        """Send an operation by POST."""
        return self.post(orjson.dumps({"query": query, "variables": variables}), **headers)

    def post(self, body: bytes, content_type: str = "application/json", **headers: str) -> Reply:
        """Send any body."""
        return self.send("POST", body=body, content_type=content_type, **headers)

    def send(
        self,
        method: str,
        *,
        address: str = ADDRESS,
        body: bytes = b"",
        content_type: str = "application/octet-stream",
        **headers: str,
    ) -> Reply:
        """Send any request; headers are given as keywords, such as x_organization="acme"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        length = named.pop("content-length", str(len(body)))
        response = self.client.generic(
            method,
            address,
            body,
            headers={**self.headers, **named},
            # Django's client leaves these out when the body is empty.
            CONTENT_TYPE=content_type,
            CONTENT_LENGTH=length,
        )
        return Reply(response.status_code, dict(response.headers), response.content)


def of_nobody() -> Api:
    """Return the API as one sees it who is not signed in."""
    return Api()


def of_token(
    organization: organization_records.OrganizationRecord,
    *,
    scopes: frozenset[access.Scope] = frozenset(access.Scope),
    lifetime: dt.timedelta = dt.timedelta(days=1),
) -> Api:
    """Return the API as a machine of the organization sees it."""
    with tenancy.organization(organization.id):
        issued = organizations.make_service_token(
            scopes=scopes, lifetime=lifetime, at=timezone.now()
        )
    return Api({"authorization": f"Bearer {issued.secret}"})


def of_person(person: auth.User, *, checks_csrf: bool = False) -> Api:
    """Return the API as a person sees it who signed in with a browser."""
    client = Client(enforce_csrf_checks=checks_csrf)
    client.force_login(person)
    return Api(client=client)


@contextmanager
def served_by(view: Callable[[HttpRequest], HttpResponse]) -> Iterator[None]:
    """Put another view at the API's address, such as one for production or of another schema."""
    with override_settings(ROOT_URLCONF=(path(ADDRESS.removeprefix("/"), view),)):
        yield
