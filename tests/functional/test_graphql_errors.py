"""What a client is told when the answer is no, and when something broke."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import pytest
import strawberry
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, connection
from strawberry import relay
from strawberry.schema.config import StrawberryConfig

from config import limits, schema, view
from gifting import models
from gifting.domain import refusals
from gifting.graphql import context, errors, scalars
from gifting.selectors import organizations as organization_records
from gifting.services import access, tenancy
from tests.factories import organizations, sends
from tests.functional import api

pytestmark = pytest.mark.django_db

SECRET = "nina@example.com"


class NoRoom(refusals.Conflict):
    code = "NO_ROOM"


@strawberry.type
class Gift(relay.Node):
    id: relay.NodeID[int]

    @classmethod
    def resolve_nodes(cls, **_: Any) -> Iterable[Gift]:
        return [Gift(id=1)]


@strawberry.enum
class Kind(Enum):
    MUG = "MUG"


@strawberry.input
class SaveInput:
    code: str
    note: str | None = None
    kind: Kind | None = None


@strawberry.type
class SavePayload(errors.Payload):
    code: str | None = None


def refuse() -> str:
    raise NoRoom("The budget Q1 has no room. Raise it first.", field="budget")


def forbid() -> str:
    raise refusals.Forbidden("The role SALES does not include READ_SPEND.")


def break_down() -> str:
    raise RuntimeError(f"Cannot send to {SECRET}")


def deny() -> str:
    raise PermissionDenied(SECRET)


def invalid() -> str:
    raise ValidationError(SECRET)


def missing() -> str:
    return models.Vendor.objects.get(code=SECRET).name


def wait() -> str:
    _execute("SET LOCAL statement_timeout = 20")
    return _execute("SELECT pg_sleep(5)")


def violate() -> str:
    return "".join(sends.make_vendor(SECRET).code for _ in range(2))


def is_in(where: relay.GlobalID) -> str:
    return where.node_id


def unwritable() -> scalars.MinorUnits:
    text: Any = "not a number"
    return scalars.MinorUnits(text)


def no_gifts() -> Iterable[Gift]:
    return [Gift(id=1)]


@strawberry.type
class Query:
    refused: str | None = strawberry.field(resolver=refuse)
    forbidden: str | None = strawberry.field(resolver=forbid)
    broken: str | None = strawberry.field(resolver=break_down)
    denied: str | None = strawberry.field(resolver=deny)
    invalid: str | None = strawberry.field(resolver=invalid)
    missing: str | None = strawberry.field(resolver=missing)
    slow: str | None = strawberry.field(resolver=wait)
    violated: str | None = strawberry.field(resolver=violate)
    after: str | None = strawberry.field(resolver=lambda: _execute("SELECT 'fine'"))
    needed: str = strawberry.field(resolver=break_down)
    place: str | None = strawberry.field(resolver=is_in)
    node: relay.Node | None = relay.node()
    gifts: relay.ListConnection[Gift] = relay.connection(resolver=no_gifts)
    amount: scalars.MinorUnits | None = strawberry.field(resolver=unwritable)


def save_vendor(info: context.Info, input: SaveInput) -> SavePayload:  # noqa: A002 - the API's word
    vendor = sends.make_vendor()
    models.Vendor.objects.filter(pk=vendor.pk).update(name=input.code)
    if input.note == "refuse":
        refuse()
    if input.note == "forbid":
        forbid()
    if input.note == "break":
        break_down()
    return SavePayload(code=input.code)


@strawberry.type
class Mutation:
    save: SavePayload = strawberry.mutation(
        resolver=save_vendor, extensions=[errors.RefusalsAsUserErrors(SavePayload)]
    )


SCHEMA = schema.Schema(
    query=Query,
    mutation=Mutation,
    types=[Gift],
    config=StrawberryConfig(scalar_map=scalars.SCALARS, relay_max_results=100),
)
PRODUCTION = view.GraphQLView(SCHEMA, bounds=limits.Limits(), is_production=True)
SAVE = (
    "mutation($a:SaveInput!,$b:SaveInput!){a:save(input:$a){...P} b:save(input:$b){...P}}"
    "fragment P on SavePayload{code userErrors{code message field}}"
)


def _execute(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0]) if cursor.description else ""


@pytest.fixture
def company() -> organization_records.OrganizationRecord:
    return organizations.make_organization()


@pytest.fixture
def machine(company: organization_records.OrganizationRecord) -> Iterator[api.Api]:
    with api.served_by(PRODUCTION):
        yield api.of_token(company)


def vendor_names(company: organization_records.OrganizationRecord) -> list[str]:
    with tenancy.organization(company.id):
        return sorted(models.Vendor.objects.values_list("name", flat=True))


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        record.msg
        for record in caplog.records
        if record.name == errors.__name__ and isinstance(record.msg, dict)
    ]


def test_a_refusal_in_a_query_is_an_error_with_its_code(machine: api.Api) -> None:
    reply = machine.ask("{refused}")

    assert reply.status == 200
    assert reply.body["data"] == {"refused": None}
    assert reply.error == {
        "message": "The budget Q1 has no room. Raise it first.",
        "locations": [{"line": 1, "column": 2}],
        "path": ["refused"],
        "extensions": {"code": "NO_ROOM", "field": "budget"},
    }


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{forbidden}", "FORBIDDEN", "The role SALES does not include READ_SPEND."),
        ("{denied}", "FORBIDDEN", "Your role does not include this."),
        ("{missing}", "NOT_FOUND", "There is no such record for you."),
        ("{invalid}", "BAD_USER_INPUT", errors.BAD_ID.message),
        ('{gifts(after:"nonsense"){edges{cursor}}}', "BAD_USER_INPUT", errors.BAD_CURSOR.message),
        ('{gifts(after:"YTpi"){edges{cursor}}}', "BAD_USER_INPUT", errors.BAD_CURSOR.message),
        ('{node(id:"R2lmdHM6MQ=="){id}}', "BAD_USER_INPUT", errors.BAD_ID.message),
        ("{slow}", "TIMEOUT", errors.TIMEOUT.message),
    ],
)
def test_what_can_be_expected_has_a_code_of_its_own(
    machine: api.Api, query: str, code: str, message: str
) -> None:
    reply = machine.ask(query)

    assert (reply.status, reply.codes) == (200, [code])
    assert reply.error["message"] == message
    assert SECRET.encode() not in reply.content


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{place(where:"nonsense")}', {}),
        ("query($id:ID!){place(where:$id)}", {"id": "nonsense"}),
        ("query($id:ID!){place(where:$id)}", {"id": ""}),
        ("query($id:ID!){place(where:$id)}", {}),
        ("query($id:ID!){place(where:$id)}", {"id": None}),
        ("query($id:ID!){place(where:$id)}", {"id": {"a": 1}}),
        ("query($n:Int){gifts(first:$n){edges{cursor}}}", {"n": "many"}),
        ("query($n:Int){gifts(first:$n){edges{cursor}}}", {"n": 1.5}),
        ("mutation($a:SaveInput!){save(input:$a){code}}", {"a": {"cod": "x"}}),
        ("mutation($a:SaveInput!){save(input:$a){code}}", {"a": {"code": "x", "kind": "MUGS"}}),
        ('mutation{save(input:{code:"x" kind:MUGS}){code}}', {}),
        ('mutation{save(input:{code:"x" kin:MUG}){code}}', {}),
        ('mutation{save(inpu:{code:"x"}){code}}', {}),
        ("mutation($a:SaveInpu!){save(input:$a){code}}", {"a": {"code": "x"}}),
        ('mutation{sav(input:{code:"x"}){code}}', {}),
    ],
)
def test_input_that_does_not_fit_is_told_in_words_about_the_input(
    machine: api.Api, query: str, variables: dict[str, Any]
) -> None:
    reply = machine.ask(query, variables, accept=api.GRAPHQL_RESPONSE)

    assert set(reply.codes) <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}
    assert reply.codes
    assert b"Did you mean" not in reply.content
    assert b"Internal" not in reply.content
    assert reply.body.get("data") in (None, {"place": None})


def test_the_unexpected_is_a_reference_and_is_logged_once_without_its_text(
    machine: api.Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        reply = machine.ask("{broken}")

    reference = reply.error["extensions"]["reference"]
    (event,) = logged(caplog)
    assert reply.error["message"] == f"Internal error, reference {reference}"
    assert reply.codes == ["INTERNAL_ERROR"]
    assert (event["reference"], event["kinds"], event["path"]) == (
        reference,
        ["RuntimeError"],
        "broken",
    )
    assert event["frames"][-1].endswith(" break_down")
    assert SECRET not in caplog.text
    assert SECRET.encode() not in reply.content


def test_a_violated_constraint_leaves_no_detail_of_the_row(
    machine: api.Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        reply = machine.ask("{violated}")

    (event,) = logged(caplog)
    assert reply.codes == ["INTERNAL_ERROR"]
    assert event["kinds"] == ["IntegrityError", "UniqueViolation"]
    assert event["sqlstate"] == "23505"
    assert event["constraint"] == "vendor_code_is_unique"
    assert SECRET not in caplog.text
    assert SECRET.encode() not in reply.content


def test_what_follows_a_database_error_is_not_reported_as_another(
    machine: api.Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        slow = machine.ask("{slow after}")
        violated = machine.ask("{violated after}")

    assert slow.codes == ["TIMEOUT", "TIMEOUT"]
    assert violated.codes == ["INTERNAL_ERROR", "INTERNAL_ERROR"]
    assert len({error["extensions"]["reference"] for error in violated.body["errors"]}) == 1
    assert len(logged(caplog)) == 1


def test_several_accidents_of_one_request_share_its_reference(machine: api.Api) -> None:
    reply = machine.ask("{a:broken b:broken after}")

    assert reply.codes == ["INTERNAL_ERROR", "INTERNAL_ERROR"]
    assert len({error["extensions"]["reference"] for error in reply.body["errors"]}) == 1
    assert reply.body["data"]["after"] == "fine"


def test_a_field_that_must_be_there_takes_the_whole_data_with_it(machine: api.Api) -> None:
    reply = machine.ask("{needed after}", accept=api.GRAPHQL_RESPONSE)

    assert (reply.status, reply.codes) == (200, ["INTERNAL_ERROR"])
    assert reply.body["data"] is None


def test_a_scalar_that_cannot_be_written_is_an_accident(machine: api.Api) -> None:
    reply = machine.ask("{amount}")

    assert reply.codes == ["INTERNAL_ERROR"]


def test_a_change_is_kept(
    machine: api.Api, company: organization_records.OrganizationRecord
) -> None:
    reply = machine.ask(SAVE, {"a": {"code": "Acme"}, "b": {"code": "Globex"}})

    assert reply.data == {
        "a": {"code": "Acme", "userErrors": []},
        "b": {"code": "Globex", "userErrors": []},
    }
    assert reply.body["extensions"]["cost"]["requested"] == 20
    assert vendor_names(company) == ["Acme", "Globex"]


def test_a_refused_change_is_data_and_leaves_nothing_while_others_stay(
    machine: api.Api, company: organization_records.OrganizationRecord
) -> None:
    reply = machine.ask(SAVE, {"a": {"code": "Acme", "note": "refuse"}, "b": {"code": "Globex"}})

    assert reply.data == {
        "a": {
            "code": None,
            "userErrors": [
                {
                    "code": "NO_ROOM",
                    "message": "The budget Q1 has no room. Raise it first.",
                    "field": "budget",
                }
            ],
        },
        "b": {"code": "Globex", "userErrors": []},
    }
    assert vendor_names(company) == ["Globex"]


@pytest.mark.parametrize(("note", "code"), [("forbid", "FORBIDDEN"), ("break", "INTERNAL_ERROR")])
def test_a_broken_change_undoes_the_whole_request(
    machine: api.Api, company: organization_records.OrganizationRecord, note: str, code: str
) -> None:
    reply = machine.ask(SAVE, {"a": {"code": "Acme"}, "b": {"code": "Globex", "note": note}})

    assert (reply.status, reply.codes) == (200, [code])
    assert reply.body["data"] is None
    assert vendor_names(company) == []


def test_a_change_is_not_made_by_get(
    machine: api.Api, company: organization_records.OrganizationRecord
) -> None:
    reply = machine.send("GET", address='/graphql/?query=mutation{save(input:{code:"Acme"}){code}}')

    assert (reply.status, reply.codes) == (405, ["METHOD_NOT_ALLOWED"])
    assert reply.headers["Allow"] == "POST"
    assert vendor_names(company) == []


def test_nobody_changes_anything(company: organization_records.OrganizationRecord) -> None:
    with api.served_by(PRODUCTION):
        reply = api.of_nobody().ask('mutation{save(input:{code:"Acme"}){code}}')

    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
    assert vendor_names(company) == []


def test_a_database_that_is_gone_is_said_so_and_logged(
    machine: api.Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**_: object) -> None:
        raise OperationalError(f"connection to server at {SECRET} failed")

    monkeypatch.setattr(access, "actor_for_token", gone)

    reply = machine.ask("{after}")

    (event,) = logged(caplog)
    assert (reply.status, reply.codes) == (503, ["UNAVAILABLE"])
    assert event["kinds"] == ["OperationalError"]
    assert SECRET not in caplog.text
    assert SECRET.encode() not in reply.content


def test_an_accident_outside_every_field_is_masked_as_well(
    machine: api.Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(access, "actor_for_token", broken)

    reply = machine.ask("{after}")

    (event,) = logged(caplog)
    assert (reply.status, reply.codes) == (500, ["INTERNAL_ERROR"])
    assert reply.error["extensions"]["reference"] == event["reference"]
    assert SECRET not in caplog.text
    assert SECRET.encode() not in reply.content
