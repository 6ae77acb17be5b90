"""What a document may ask for, measured before anything is executed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry import relay
from strawberry.schema.config import StrawberryConfig

from config import documents, limits
from config.schema import Schema
from gifting.graphql import scalars

# 20 ms on a machine of its own; the suite shares its machine.
REFUSAL_SECONDS = 0.04


@strawberry.type
class Vendor(relay.Node):
    id: relay.NodeID[int]
    name: str


@strawberry.type
class Send(relay.Node):
    id: relay.NodeID[int]
    spend: scalars.Money
    vendor: Vendor
    tags: list[str]


def no_sends() -> Iterable[Send]:
    return []


@strawberry.type
class Campaign(relay.Node):
    id: relay.NodeID[int]
    name: str
    parent: Campaign
    spend: scalars.Money
    vendors: list[Vendor]
    months: list[Vendor] = strawberry.field(directives=[scalars.ListSize(assumed_size=12)])

    sends: relay.ListConnection[Send] = relay.connection(resolver=no_sends)


@strawberry.input
class Filter:
    names: list[str] | None = None
    text: str | None = None


def no_campaigns(where: Filter | None = None) -> Iterable[Campaign]:
    return []


@strawberry.type
class Query:
    campaign: Campaign
    name: str = "Tribute"
    dear: str = strawberry.field(default="", directives=[scalars.Cost(weight="40")])

    campaigns: relay.ListConnection[Campaign] = relay.connection(resolver=no_campaigns)
    latest: relay.ListConnection[Campaign] = relay.connection(
        resolver=no_campaigns, directives=[scalars.ListSize(assumed_size=20)]
    )


@strawberry.type
class SavePayload:
    campaign: Campaign | None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def save(self, name: str) -> SavePayload:
        return SavePayload(campaign=None)


SCHEMA = Schema(query=Query, mutation=Mutation, config=StrawberryConfig(scalar_map=scalars.SCALARS))
LIMITS = limits.Limits()
FIVE_ALIASES = "fragment Five on Query{a:name b:name c:name d:name e:name}"


def prepare(
    text: str, variables: dict[str, Any] | None = None, *, name: str | None = None
) -> documents.Prepared:
    meter = limits.Meter(SCHEMA.core, LIMITS, allows_introspection=False)
    library = documents.Library(SCHEMA.core, meter, hides_suggestions=True)
    return library.prepare(text, name, variables or {})


def refusal(text: str, variables: dict[str, Any] | None = None) -> str:
    """Return the code that a document is refused with."""
    with pytest.raises(documents.DocumentRefused) as refused:
        prepare(text, variables)
    return code_of(refused.value.errors[0])


def code_of(error: GraphQLError) -> str:
    assert error.extensions is not None
    return str(error.extensions["code"])


def nested(levels: int) -> str:
    """Nest fields so that the innermost stands on the level."""
    return "{campaign" + "{parent" * (levels - 2) + "{name" + "}" * levels


def doubling(levels: int, leaf: str = "name") -> str:
    """Write fragments that each spread the next one twice."""
    spreads = "".join(
        f"fragment F{level} on Query{{...F{level + 1} ...F{level + 1}}} " for level in range(levels)
    )
    return f"{{...F0}} {spreads} fragment F{levels} on Query{{{leaf}}}"


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        pytest.param("{name}", 0, id="a value is free"),
        pytest.param("{campaign{name}}", 1, id="an object is one"),
        pytest.param("{campaign{spend{amount currency}}}", 1, id="money is free"),
        pytest.param("{campaign{vendors{name}}}", 11, id="a list holds ten unless it says"),
        pytest.param("{campaign{months{name}}}", 13, id="a list says how many"),
        pytest.param("{dear}", 40, id="a field says its price"),
        pytest.param("{campaigns(first:7){edges{node{name}}}}", 7, id="a page multiplies"),
        pytest.param("{campaigns(last:7){edges{node{name}}}}", 7, id="from the end too"),
        pytest.param("{campaigns{edges{node{name}}}}", 100, id="a page unsaid is the largest"),
        pytest.param("{latest{edges{node{name}}}}", 20, id="a page unsaid may be smaller"),
        pytest.param("{latest(first:30){edges{node{name}}}}", 30, id="a page said is what it says"),
        pytest.param("{campaigns{pageInfo{hasNextPage}}}", 0, id="no row, no cost"),
        pytest.param("{campaigns(first:0){edges{node{name}}}}", 0, id="a page of none"),
        pytest.param(
            "{campaigns(first:9){edges{node{sends(first:10){edges{node{vendor{name}}}}}}}}",
            9 * (1 + 10 * (1 + 1)),
            id="pages multiply pages",
        ),
        pytest.param(
            "query($n:Int){campaigns(first:$n){edges{node{name}}}}", 5, id="a variable's value"
        ),
        pytest.param(
            "query($m:Int=8){campaigns(first:$m){edges{node{name}}}}", 8, id="a variable's default"
        ),
        pytest.param("{a:campaign{name} b:campaign{name}}", 2, id="twice is two"),
        pytest.param(
            "{campaigns(first:3){...P} b:campaigns(first:4){...P}} "
            "fragment P on CampaignConnection{edges{node{name}}}",
            7,
            id="a fragment takes the page it stands in",
        ),
        pytest.param('mutation{save(name:"x"){campaign{name}}}', 11, id="a mutation is ten"),
        pytest.param("{campaign{...on Campaign{parent{name}}}}", 2, id="inline fragments count"),
    ],
)
def test_cost_is_the_number_of_objects_that_can_come_back(document: str, cost: int) -> None:
    prepared = prepare(document, {"n": 5} if "$n" in document else {})

    assert prepared.cost == cost


@pytest.mark.parametrize(
    ("accepted", "refused", "code"),
    [
        pytest.param(nested(12), nested(13), "DEPTH_LIMIT", id="depth"),
        pytest.param(
            "{" + " ".join(f"a{number}:name" for number in range(15)) + "}",
            "{" + " ".join(f"a{number}:name" for number in range(16)) + "}",
            "ALIAS_LIMIT",
            id="aliases",
        ),
        pytest.param(
            f"{{...Five ...Five ...Five}} {FIVE_ALIASES}",
            f"{{...Five ...Five ...Five a:name}} {FIVE_ALIASES}",
            "ALIAS_LIMIT",
            id="aliases, each time their fragment is spread",
        ),
        pytest.param(
            "{"
            + "".join(f"...F{number} " for number in range(20))
            + "}"
            + "".join(f"fragment F{number} on Query{{name}} " for number in range(20)),
            "{"
            + "".join(f"...F{number} " for number in range(21))
            + "}"
            + "".join(f"fragment F{number} on Query{{name}} " for number in range(21)),
            "FRAGMENT_LIMIT",
            id="fragments",
        ),
        pytest.param(
            "{" + "...F " * 50 + "}fragment F on Query{name}",
            "{" + "...F " * 51 + "}fragment F on Query{name}",
            "SPREAD_LIMIT",
            id="spreads",
        ),
        pytest.param(
            "{" + "...{name} " * 50 + "}",
            "{" + "...{name} " * 51 + "}",
            "SPREAD_LIMIT",
            id="inline spreads",
        ),
        pytest.param(
            "{" + "name " * 16 + "}", "{" + "name " * 17 + "}", "REPEAT_LIMIT", id="repeats"
        ),
        pytest.param(
            "{campaigns(where:{names:[" + '"x" ' * 250 + "]}){pageInfo{hasNextPage}}}",
            "{campaigns(where:{names:[" + '"x" ' * 251 + "]}){pageInfo{hasNextPage}}}",
            "LIST_LIMIT",
            id="list arguments",
        ),
        pytest.param(
            "{campaigns(first:100){edges{node{name}}}}",
            "{campaigns(first:101){edges{node{name}}}}",
            "PAGE_LIMIT",
            id="page",
        ),
        pytest.param(
            "{campaigns(first:0){edges{node{name}}}}",
            "{campaigns(first:-1){edges{node{name}}}}",
            "PAGE_LIMIT",
            id="no page below nothing",
        ),
        pytest.param(
            "{campaigns(first:100){edges{node{sends(first:9){edges{node{id}}}}}}}",
            "{campaigns(first:100){edges{node{sends(first:10){edges{node{id}}}}}}}",
            "COST_LIMIT",
            id="cost",
        ),
        pytest.param(
            "query A{name} query B{name}#" + "x" * 99_970,
            "query A{name} query B{name}#" + "x" * 99_973,
            "DOCUMENT_LIMIT",
            id="characters",
        ),
        pytest.param("{name}" + "#\n" * 200, "{name}" + "#\n" * 201, "TOKEN_LIMIT", id="comments"),
        pytest.param(
            "query A{name" + " @skip(if:true)" * 285 + "}",
            "query A{name id" + " @skip(if:true)" * 285 + "}",
            "TOKEN_LIMIT",
            id="tokens",
        ),
    ],
)
def test_the_limit_is_accepted_and_one_more_is_refused(
    accepted: str, refused: str, code: str
) -> None:
    assert accepted_or_invalid(accepted)
    assert refusal(refused) == code


def accepted_or_invalid(document: str) -> bool:
    """Tell whether no limit stands in the way; validation may still have its say."""
    try:
        prepare(document, name="A" if "query A" in document else None)
    except documents.DocumentRefused as refused:
        return code_of(refused.errors[0]) == "GRAPHQL_VALIDATION_FAILED"
    return True


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        pytest.param({"n": 101}, "PAGE_LIMIT", id="a page too large"),
        pytest.param({"n": 2**70}, "PAGE_LIMIT", id="a page beyond any integer"),
        pytest.param({"n": -5}, "PAGE_LIMIT", id="a page below nothing"),
        pytest.param({"names": ["x"] * 251}, "LIST_LIMIT", id="a list too long"),
        pytest.param({"other": {"deep": [[["x"] * 251]]}}, "LIST_LIMIT", id="a list inside lists"),
        pytest.param({"other": [["x"] * 200] * 60}, "LIST_LIMIT", id="too many values in all"),
        pytest.param({"names": ["a\0b"]}, "BAD_USER_INPUT", id="a text with NUL"),
    ],
)
def test_limits_hold_for_variables_too(variables: dict[str, Any], code: str) -> None:
    document = (
        "query($n:Int $names:[String!]){campaigns(first:$n where:{names:$names})"
        "{edges{node{name}}}}"
    )

    assert refusal(document, variables) == code


def test_a_variable_that_is_no_number_is_left_to_its_type() -> None:
    prepared = prepare("query($n:Int){campaigns(first:$n){edges{node{id}}}}", {"n": "many"})

    assert prepared.cost == 100


def test_the_same_document_is_measured_again_for_other_variables() -> None:
    meter = limits.Meter(SCHEMA.core, LIMITS, allows_introspection=False)
    library = documents.Library(SCHEMA.core, meter, hides_suggestions=True)
    document = "query($n:Int){campaigns(first:$n){edges{node{name}}}}"

    costs = [library.prepare(document, None, {"n": size}).cost for size in (3, 100, 1)]

    assert costs == [3, 100, 1]


def test_a_nul_in_the_document_is_refused() -> None:
    document = '{campaigns(where:{text:"a\\u0000b"}){pageInfo{hasNextPage}}}'

    assert refusal(document) == "BAD_USER_INPUT"


@pytest.mark.parametrize("field", ["__schema{types{name}}", '__type(name:"Query"){name}'])
def test_the_schema_is_not_served_where_introspection_is_off(field: str) -> None:
    assert refusal("{" + field + "}") == "INTROSPECTION_DISABLED"
    assert refusal("{name ...on Query{...F}}fragment F on Query{" + field + "}") == (
        "INTROSPECTION_DISABLED"
    )


def test_the_schema_is_served_where_introspection_is_on() -> None:
    meter = limits.Meter(SCHEMA.core, LIMITS, allows_introspection=True)
    library = documents.Library(SCHEMA.core, meter, hides_suggestions=False)

    prepared = library.prepare("{__schema{types{fields{args{type{name}}}}}}", None, {})

    assert prepared.cost == 0


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param("{", "GRAPHQL_PARSE_FAILED", id="half a document"),
        pytest.param("", "GRAPHQL_PARSE_FAILED", id="no document"),
        pytest.param("{nothing}", "GRAPHQL_VALIDATION_FAILED", id="an unknown field"),
        pytest.param("fragment F on Query{name}", "OPERATION_NOT_FOUND", id="no operation"),
        pytest.param("query A{name}query B{name}", "OPERATION_NOT_FOUND", id="which one"),
        pytest.param("{...F}fragment F on Query{...F}", "GRAPHQL_VALIDATION_FAILED", id="circle"),
        pytest.param("{...F}", "GRAPHQL_VALIDATION_FAILED", id="no such fragment"),
        pytest.param("type Query{name:String}", "OPERATION_NOT_FOUND", id="a definition"),
        pytest.param(nested(700), "DEPTH_LIMIT", id="too deep to parse"),
        pytest.param("{name(x:" + "[" * 900 + "]" * 900 + ")}", "DEPTH_LIMIT", id="deep values"),
    ],
)
def test_what_is_no_operation_of_the_schema_is_refused(document: str, code: str) -> None:
    assert refusal(document) == code


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("{campaig{name}}", id="field"),
        pytest.param("{campaigns(firs:1){pageInfo{hasNextPage}}}", id="argument"),
        pytest.param("{...on Campaig{name}}", id="type"),
        pytest.param("query($x:Filte){name}", id="variable type"),
        pytest.param("{campaigns(where:{name:[]}){pageInfo{hasNextPage}}}", id="input field"),
        pytest.param("{name @ski(if:true)}", id="directive"),
    ],
)
def test_no_name_of_the_schema_is_suggested(document: str) -> None:
    with pytest.raises(documents.DocumentRefused) as refused:
        prepare(document)

    assert not [error for error in refused.value.errors if "Did you mean" in error.message]


def hostile_documents() -> dict[str, str]:
    many = "{campaign{parent{name}}}"
    common = "campaign{parent{name} vendors{name}}"
    return {
        "fragments that double 30 levels": doubling(30),
        "fragments that double 19 levels": doubling(19),
        "fragments that double objects": doubling(19, "campaign{name}"),
        "one field 1,990 times": "{" + "name " * 1_990 + "}",
        "one object 480 times": "{" + "campaign{name}" * 480 + "}",
        "many operations": "".join(f"query Q{n}{many} " for n in range(180)),
        "an operation not chosen is wide": "query A{name} query B{" + "campaign{name}" * 450 + "}",
        "fragments that agree": "{"
        + "".join(f"...F{n} " for n in range(20))
        + "}"
        + "".join(f"fragment F{n} on Query{{{common * 4}}} " for n in range(20)),
        "deep to the end of the tokens": nested(650),
        "aliases": "{" + " ".join(f"a{n}:name" for n in range(660)) + "}",
        "inline fragments": "{" + "...on Query{" * 150 + "name" + "}" * 151,
        "directives": "{name" + " @skip(if:true)" * 330 + "}",
        "variables": "query(" + "".join(f"$v{n}:Int " for n in range(490)) + "){name}",
        "a list": "{campaigns(where:{names:[" + "1 " * 1_950 + "]}){pageInfo{hasNextPage}}}",
        "a number of 5,000 digits": "{campaigns(first:" + "9" * 5_000 + "){edges{node{id}}}}",
        "comments": "#\n" * 45_000 + "{name}",
        "a long text": '{campaigns(where:{text:"' + "z" * 99_000 + '"}){edges{cursor}}}',
        "spaces": " " * 99_000 + "{name}",
    }


@pytest.mark.parametrize("kind", hostile_documents())
def test_hostile_documents_cost_next_to_nothing(kind: str) -> None:
    document = hostile_documents()[kind]

    seconds = min(seconds_for(document) for _ in range(3))

    assert seconds < REFUSAL_SECONDS


def seconds_for(document: str) -> float:
    """Return the processor time of one request; the best of a few is free of chance."""
    started = time.process_time()
    accepted_or_invalid(document)
    return time.process_time() - started


def test_documents_that_passed_are_kept_and_others_are_not() -> None:
    meter = limits.Meter(SCHEMA.core, LIMITS, allows_introspection=False)
    library = documents.Library(SCHEMA.core, meter, hides_suggestions=True)

    kept = library.prepare("{name}", None, {}).document
    with pytest.raises(documents.DocumentRefused):
        library.prepare("{nothing}", None, {})

    assert library.prepare("{name}", None, {}).document is kept
    assert len(library._shelf._documents) == 1


def test_the_least_recently_used_documents_make_room() -> None:
    meter = limits.Meter(SCHEMA.core, LIMITS, allows_introspection=False)
    library = documents.Library(SCHEMA.core, meter, hides_suggestions=True)
    library._shelf = documents._Shelf(20)

    first, second = (library.prepare(f"{{{n}:name}}", None, {}).document for n in "ab")
    library.prepare("{a:name}", None, {})
    library.prepare("{c:name}", None, {})

    assert library.prepare("{a:name}", None, {}).document is first
    assert library.prepare("{b:name}", None, {}).document is not second


@pytest.mark.parametrize(
    ("document", "reads"),
    [
        ("{__typename}", False),
        ("{...F ...F}fragment F on Query{__typename ...{__typename}}", False),
        ("{...F}fragment F on Query{...{name}}", True),
        ("{__typename name}", True),
    ],
)
def test_only_fields_of_the_product_read_data(document: str, reads: bool) -> None:  # noqa: FBT001 - a column of the table above
    assert prepare(document).reads_data is reads
