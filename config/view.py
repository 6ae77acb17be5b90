"""The GraphQL doorway: one HTTP request, one operation, one transaction, one response.

The order is the protection: the request is read and its document prepared before anybody is looked
up, the actor is known before anything is executed, and everything is executed inside the actor's
organization. An operation with an error leaves nothing behind: its transaction is rolled back, and
a mutation then answers without data, since none of it happened.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.utils import timezone
from graphql import ExecutionResult
from strawberry.http.ides import get_graphql_ide_html

from config import documents, limits, requests, schema
from gifting.domain import access as access_rules
from gifting.graphql import context, errors
from gifting.selectors import organizations
from gifting.services import access, tenancy

REFERENCE_BYTES: Final = 8
SLUG: Final = re.compile(r"[-a-zA-Z0-9_]{1,64}", re.ASCII)

# The status of a request that was not executed; every other code is a 400.
STATUS_BY_CODE: Final = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "INTERNAL_ERROR": 500,
    "BUSY": 503,
    "TIMEOUT": 503,
    "UNAVAILABLE": 503,
}
RESPONSE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Vary": "Accept, Authorization, Cookie, X-Organization",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it is written."""

    body: dict[str, Any]
    status: int = 200
    cost: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


class GraphQLView:
    """Answer GraphQL over HTTP for one schema."""

    # A request with a session is checked in `_member`. One with a token cannot be made by another
    # site's page, and one with neither changes nothing.
    csrf_exempt = True

    def __init__(
        self, served: schema.Schema, *, bounds: limits.Limits, is_production: bool
    ) -> None:
        self._schema = served
        self._bounds = bounds
        self._is_production = is_production
        meter = limits.Meter(served.core, bounds, allows_introspection=not is_production)
        self._library = documents.Library(served.core, meter, hides_suggestions=is_production)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if requests.wants_page(request) and not self._is_production:
            return _page(request)
        report = errors.Report(secrets.token_hex(REFERENCE_BYTES))
        media_type = requests.JSON
        try:
            media_type = requests.response_type(request)
            answer = self._answer(request, report, media_type)
        except requests.RequestRefused as refused:
            answer = _refused(refused)
        except Exception as error:  # noqa: BLE001 - the last boundary: nothing leaves unmasked
            answer = _failed(error, report)
        return self._response(answer, media_type)

    def _answer(self, request: HttpRequest, report: errors.Report, media_type: str) -> Answer:
        asked = requests.read(request, body_bytes=self._bounds.body_bytes)
        # The older media type promises 200 to whoever sends readable GraphQL, even when refused.
        refused_status = 200 if media_type == requests.JSON else 400
        try:
            prepared = self._library.prepare(asked.query, asked.operation_name, asked.variables)
        except documents.DocumentRefused as refused:
            body = {"errors": report.write(refused.errors)}
            return Answer(body, status=refused_status, cost=refused.cost)
        if prepared.changes_data and request.method == "GET":
            raise requests.RequestRefused(
                405, "METHOD_NOT_ALLOWED", "A change is sent by POST.", {"Allow": "POST"}
            )
        at = timezone.now()
        knowing = context.Context(request=request, caller=_caller(request, at), at=at)
        result = self._executed(prepared, asked, knowing)
        body = _body(result, report, is_change=prepared.changes_data)
        status = 200 if "data" in body else refused_status
        return Answer(body, status=status, cost=prepared.cost)

    def _executed(
        self, prepared: documents.Prepared, asked: requests.Asked, knowing: context.Context
    ) -> ExecutionResult:
        if not prepared.reads_data:
            return self._execute(prepared, asked, knowing)
        try:
            with tenancy.organization(
                knowing.actor.organization_id, is_snapshot=not prepared.changes_data
            ):
                result = self._execute(prepared, asked, knowing)
                _leave_nothing_of(result)
        except _LeaveNothing as leaving:
            result = leaving.result
        return result

    def _execute(
        self, prepared: documents.Prepared, asked: requests.Asked, knowing: context.Context
    ) -> ExecutionResult:
        return self._schema.run(
            prepared,
            variables=asked.variables,
            context=knowing,
            hides_suggestions=self._is_production,
        )

    def _response(self, answer: Answer, media_type: str) -> HttpResponse:
        cost = {"requested": answer.cost, "maximum": self._bounds.cost}
        content = orjson.dumps(
            {**answer.body, "extensions": {"cost": cost}}, option=orjson.OPT_UTC_Z
        )
        return HttpResponse(
            content,
            status=answer.status,
            content_type=f"{media_type}; charset=utf-8",
            headers={**RESPONSE_HEADERS, **answer.headers},
        )


class _LeaveNothing(Exception):  # noqa: N818 - it carries an answer out of the transaction
    def __init__(self, result: ExecutionResult) -> None:
        self.result = result


def _leave_nothing_of(result: ExecutionResult) -> None:
    if result.errors:
        raise _LeaveNothing(result)


class _CsrfCheck(CsrfViewMiddleware):
    """Return the reason for a refusal instead of a page about it."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:  # noqa: ARG002 - Django's own name
        return reason


def _caller(request: HttpRequest, at: datetime) -> access_rules.Actor | None:
    """Find out who asks, None for nobody; raises Unauthenticated and UnknownOrganization."""
    slug = request.META.get("HTTP_X_ORGANIZATION")
    if slug is not None and not SLUG.fullmatch(slug):
        raise access.UnknownOrganization(
            "The header X-Organization is not the short name of an organization."
        )
    authorization = request.META.get("HTTP_AUTHORIZATION")
    if authorization is not None:
        return _machine(authorization, slug, at)
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        return _member(request, slug)
    return None


def _machine(authorization: str, slug: str | None, at: datetime) -> access_rules.Actor:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise access.Unauthenticated("The header must read `Authorization: Bearer <token>`.")
    actor = access.actor_for_token(secret=secret.strip(), at=at)
    if slug is not None:
        with tenancy.organization(actor.organization_id):
            own_slug = organizations.get(organization_id=actor.organization_id).slug
        if slug != own_slug:
            raise access.UnknownOrganization(
                f"This token belongs to another organization than {slug!r}. Use that "
                "organization's token, or leave the header X-Organization out."
            )
    return actor


def _member(request: HttpRequest, slug: str | None) -> access_rules.Actor | None:
    if not request.user.is_authenticated:
        return None
    check = _CsrfCheck(_nothing)
    check.process_request(request)
    reason = check.process_view(request, _nothing, (), {})
    if reason is not None:
        raise requests.RequestRefused(
            403,
            "CSRF_FAILED",
            "This session's cross-site check failed. Send the value of the cookie "
            f"{settings.CSRF_COOKIE_NAME} in the header X-CSRFToken.",
        )
    return access.actor_for_user(user_id=request.user.pk, organization_slug=slug)


def _nothing(_: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _body(result: ExecutionResult, report: errors.Report, *, is_change: bool) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    written = report.write(result.errors)
    if not any("path" in error for error in written):
        return {"errors": written}
    return {"errors": written, "data": None if is_change else result.data}


def _refused(refused: requests.RequestRefused) -> Answer:
    error = {"message": refused.message, "extensions": {"code": refused.code}}
    return Answer({"errors": [error]}, status=refused.status, headers=refused.headers)


def _failed(error: Exception, report: errors.Report) -> Answer:
    written = report.write_one(error)
    status = STATUS_BY_CODE.get(written["extensions"]["code"], 400)
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return Answer({"errors": [written]}, status=status, headers=headers)


def _page(request: HttpRequest) -> HttpResponse:
    """Serve GraphiQL, with the cookie that its requests need in a session."""
    get_token(request)
    return HttpResponse(get_graphql_ide_html("graphiql").replace("Strawberry GraphiQL", "Tribute"))


graphql = GraphQLView(schema.schema, bounds=schema.LIMITS, is_production=settings.PRODUCTION)
