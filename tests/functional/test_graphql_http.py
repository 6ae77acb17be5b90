"""The GraphQL doorway over HTTP: what it reads, what it refuses, and how it says so."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from graphql import get_introspection_query

from config import schema, view
from tests.functional import api

TYPENAME = b'{"query":"{__typename}"}'
# Promised for bodies of a megabyte; smaller ones are far below it.
REFUSAL_SECONDS = 0.8


def asked(**parameters: Any) -> bytes:
    return orjson.dumps({"query": "{__typename}", **parameters})


def test_a_query_by_post_is_answered_with_its_cost() -> None:
    reply = api.of_nobody().post(TYPENAME)

    assert (reply.status, reply.body) == (
        200,
        {
            "data": {"__typename": "Query"},
            "extensions": {"cost": {"requested": 0, "maximum": 1000}},
        },
    )
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_query_by_get_is_answered_and_its_variables_are_read() -> None:
    parameters = {
        "query": "query Name($with: Boolean!) { __typename @include(if: $with) }",
        "operationName": "Name",
        "variables": '{"with": true}',
        "extensions": "{}",
    }

    reply = api.of_nobody().send("GET", address=f"/graphql/?{urlencode(parameters)}")

    assert (reply.status, reply.data) == (200, {"__typename": "Query"})


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        (";;;", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json, multipart/mixed", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/graphql-response+json", "application/graphql-response+json"),
        (
            "application/graphql-response+json, application/json;q=0.9",
            "application/graphql-response+json",
        ),
        (
            "application/json, application/graphql-response+json",
            "application/graphql-response+json",
        ),
        ("application/graphql-response+json;q=0.5, application/json", "application/json"),
        ("application/json;q=0, */*", "application/graphql-response+json"),
    ],
)
def test_the_response_is_of_the_type_that_the_client_likes_most(
    accept: str, content_type: str
) -> None:
    reply = api.of_nobody().post(TYPENAME, accept=accept)

    assert (reply.status, reply.headers["Content-Type"]) == (200, f"{content_type}; charset=utf-8")


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json;q=0", "image/*", "application/xml", "*/*;q=0"]
)
def test_a_client_that_accepts_no_json_is_told_what_there_is(accept: str) -> None:
    reply = api.of_nobody().post(TYPENAME, accept=accept)

    assert (reply.status, reply.codes) == (406, ["NOT_ACCEPTABLE"])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"])
def test_other_methods_are_refused_with_those_that_work(method: str) -> None:
    reply = api.of_nobody().send(method, body=TYPENAME, content_type="application/json")

    assert (reply.status, reply.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/graphql",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/jsonp",
        "application/json-patch+json",
        "application/json, text/plain",
        "\x00",
    ],
)
def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    reply = api.of_nobody().post(TYPENAME, content_type)

    assert (reply.status, reply.codes) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=UTF-8", 'application/json; charset="utf8"', "Application/JSON"],
)
def test_json_in_utf_8_is_read_however_it_is_named(content_type: str) -> None:
    reply = api.of_nobody().post(TYPENAME, content_type)

    assert reply.status == 200


HOSTILE_BODIES = {
    "nothing": b"",
    "spaces": b"  \n ",
    "half an object": b'{"query":"{__typename}"',
    "two objects": TYPENAME + TYPENAME,
    "a string": b'"{__typename}"',
    "a number": b"1",
    "null": b"null",
    "NaN": b"NaN",
    "a byte order mark": b"\xef\xbb\xbf" + TYPENAME,
    "UTF-16": TYPENAME.decode().encode("utf-16"),
    "invalid UTF-8": b'{"query":"{__typename}\xff"}',
    "a lone surrogate": b'{"query":"{__typename}","variables":{"a":"\\ud800"}}',
    "NaN in a variable": b'{"query":"{__typename}","variables":{"a":NaN}}',
    "infinity in a variable": b'{"query":"{__typename}","variables":{"a":1e999}}',
    "a number of 4,301 digits": b'{"query":"{__typename}","variables":{"a":' + b"1" * 4_301 + b"}}",
    "100,000 brackets": b'{"query":"{__typename}","variables":' + b"[" * 100_000,
    "100,000 brackets and back": b'{"query":"{__typename}","variables":{"a":'
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}}",
    "100,000 braces": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "no query": b'{"qeury":"{__typename}"}',
    "an empty query": b'{"query":""}',
    "a blank query": b'{"query":" \\n\\t "}',
    "a null query": b'{"query":null}',
    "a number for a query": b'{"query":0}',
    "an object for a query": b'{"query":{"a":1}}',
    "a list for a query": b'{"query":["{__typename}"]}',
    "a list of variables": asked(variables=["a"]),
    "variables in a text": asked(variables='{"a":1}'),
    "a number for variables": asked(variables=0),
    "false for variables": asked(variables=False),
    "a number for a name": asked(operationName=0),
    "an object for a name": asked(operationName={"a": 1}),
    "a list for extensions": asked(extensions=[]),
    "a text for extensions": asked(extensions="x"),
}


@pytest.mark.parametrize("kind", HOSTILE_BODIES)
@pytest.mark.parametrize("accept", ["application/json", api.GRAPHQL_RESPONSE])
def test_a_body_that_is_no_request_is_a_bad_request(kind: str, accept: str) -> None:
    started = time.process_time()

    reply = api.of_nobody().post(HOSTILE_BODIES[kind], accept=accept)

    assert (reply.status, reply.codes) == (400, ["BAD_REQUEST"])
    assert time.process_time() - started < REFUSAL_SECONDS


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("", "BAD_REQUEST"),
        ("query=", "BAD_REQUEST"),
        ("variables={}", "BAD_REQUEST"),
        ("query={__typename}&variables={", "BAD_REQUEST"),
        ("query={__typename}&variables=[]", "BAD_REQUEST"),
        ("query={__typename}&extensions=1", "BAD_REQUEST"),
        ("query={__typename}&query={viewer{role}}", "BAD_REQUEST"),
        ("query={__typename}&variables={}&variables={}", "BAD_REQUEST"),
        ("query={__typename}" + "&a=1" * 1_001, "BAD_REQUEST"),
        ("query={__typename}&variables=%ff", "BAD_REQUEST"),
        ("query={__typename}&variables=" + "[" * 5_000, "BAD_REQUEST"),
    ],
)
def test_an_address_that_is_no_request_is_a_bad_request(parameters: str, code: str) -> None:
    reply = api.of_nobody().send("GET", address=f"/graphql/?{parameters}")

    assert (reply.status, reply.codes) == (400, [code])


@pytest.mark.parametrize("body", [b"[]", b"[" + TYPENAME + b"," + TYPENAME + b"]"])
def test_batches_are_refused(body: bytes) -> None:
    reply = api.of_nobody().post(body)

    assert (reply.status, reply.codes) == (400, ["BATCHING_NOT_SUPPORTED"])


def test_a_body_of_a_megabyte_is_read_and_a_byte_more_is_not() -> None:
    room = 1_000_000 - len(asked(padding=""))
    nobody = api.of_nobody()

    fits = nobody.post(asked(padding="x" * room))
    too_large = nobody.post(asked(padding="x" * (room + 1)))

    assert fits.status == 200
    assert (too_large.status, too_large.codes) == (413, ["PAYLOAD_TOO_LARGE"])


@pytest.mark.parametrize("length", ["9" * 30, "-1", "abc", "1e3", "٣"])
def test_a_length_that_is_no_length_is_refused_before_the_body_is_read(length: str) -> None:
    reply = api.of_nobody().post(TYPENAME, content_length=length)

    assert (reply.status, reply.codes) == (413, ["PAYLOAD_TOO_LARGE"])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) {__typename}", "GRAPHQL_VALIDATION_FAILED"),
        ("query A{__typename} query B{__typename}", "OPERATION_NOT_FOUND"),
        ("subscription {nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("{" + "a{" * 20 + "b" + "}" * 21, "DEPTH_LIMIT"),
        ("{" + " ".join(f"a{n}:__typename" for n in range(16)) + "}", "ALIAS_LIMIT"),
        ("{" + "__typename " * 2_000 + "}", "TOKEN_LIMIT"),
    ],
)
def test_refused_documents_are_200_to_older_clients_and_400_to_newer_ones(
    query: str, code: str
) -> None:
    nobody = api.of_nobody()

    older = nobody.ask(query, accept="application/json")
    newer = nobody.ask(query, accept=api.GRAPHQL_RESPONSE)

    assert (older.status, newer.status) == (200, 400)
    assert older.codes[0] == newer.codes[0] == code
    assert "data" not in older.body
    assert newer.body["extensions"]["cost"]["maximum"] == 1000


def test_a_browser_gets_graphiql_in_development() -> None:
    reply = api.of_nobody().send("GET", accept="text/html,application/xhtml+xml,*/*;q=0.8")

    assert reply.status == 200
    assert b"GraphiQL" in reply.content


PRODUCTION = view.GraphQLView(schema.schema, bounds=schema.LIMITS, is_production=True)


@pytest.mark.parametrize(
    "query",
    [
        "{__schema{types{name}}}",
        '{__type(name:"Query"){name}}',
        "{...{...F}}fragment F on Query{__schema{queryType{name}}}",
        get_introspection_query(),
    ],
)
def test_production_does_not_serve_the_schema(query: str) -> None:
    with api.served_by(PRODUCTION):
        reply = api.of_nobody().ask(query, accept=api.GRAPHQL_RESPONSE)

    assert (reply.status, reply.codes) == (400, ["INTROSPECTION_DISABLED"])


def test_development_serves_the_schema() -> None:
    reply = api.of_nobody().ask(get_introspection_query())

    names = {type_["name"] for type_ in reply.data["__schema"]["types"]}
    assert {"Query", "Viewer"} <= names


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{viewe{role}}", {}),
        ("{viewer{rol}}", {}),
        ("{...on Viewe{role}}", {}),
        ("query($a:Strin){__typename}", {}),
        ("{__typename @ski(if:true)}", {}),
        ("{__typename @skip(i:true)}", {}),
    ],
)
def test_production_suggests_no_name(query: str, variables: dict[str, Any]) -> None:
    with api.served_by(PRODUCTION):
        reply = api.of_nobody().ask(query, variables)

    assert reply.codes[0] == "GRAPHQL_VALIDATION_FAILED"
    assert b"Did you mean" not in reply.content


def test_production_serves_no_graphiql() -> None:
    with api.served_by(PRODUCTION):
        reply = api.of_nobody().send("GET", accept="text/html,*/*;q=0.8")

    assert (reply.status, reply.codes) == (400, ["BAD_REQUEST"])
