"""What a client may ask for of imports."""

from __future__ import annotations

import datetime as dt
from enum import Enum

import strawberry

from gifting.graphql import fields, inputs
from integrations.models import imports

fields.describe(
    imports.Kind,
    name="ImportKind",
    description="What a file holds.",
    values={
        "ACCOUNTS": "Accounts.",
        "OPPORTUNITIES": "Opportunities.",
        "SENDS": "Sends with what they cost.",
        "TOUCHES": "Digital touches.",
    },
)


@strawberry.input(description="Conditions on imports; all that are given must hold.")
class ImportRunFilter:
    kinds: list[imports.Kind] | None = inputs.given("Only files that hold one of these.")
    finished_from: dt.datetime | None = inputs.given("Only those that ended then or later.")
    finished_before: dt.datetime | None = inputs.given("Only those that ended before.")


@strawberry.enum(description="What imports can be ordered by.")
class ImportRunOrderField(Enum):
    RECORDED = strawberry.enum_value("id", description="The order in which they were recorded.")


ImportRunOrder = inputs.order(ImportRunOrderField, "imports")
