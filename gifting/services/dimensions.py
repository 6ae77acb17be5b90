"""Name what budgets may be scoped by, and find the limits that a use of money meets beside its own.

A use that names a program, a person, a region or a GL account is held against every budget that is
scoped by values named there, in the same period and currency, at the cost center of the use or
above it: one sorted list of funds, one statement. What has no value here scopes no budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection

from gifting import models
from gifting.domain import access, budgets, refusals, texts
from gifting.services import tenancy


class UnknownDimensionValue(refusals.NotFound):
    code = "UNKNOWN_DIMENSION_VALUE"


def name_value(
    *, actor: access.Actor, kind: budgets.DimensionKind, code: str, name: str = ""
) -> int:
    """Make the value of a dimension, or find it by its code; return its id.

    Raises Forbidden and TextUnusable.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    texts.require(code, field="code", most=models.tenancy.CODE_LENGTH)
    with tenancy.organization(actor.organization_id):
        value, _ = models.DimensionValue.objects.get_or_create(
            organization_id=actor.organization_id,
            kind=kind.value,
            code=code,
            defaults={"name": name or code},
        )
        return value.pk


def scope_of(
    *, actor: access.Actor, named: Iterable[tuple[budgets.DimensionKind, str]]
) -> tuple[int, ...]:
    """Return the values that a budget is to be scoped by.

    Raises Forbidden, and UnknownDimensionValue: a mistyped code would scope by what nothing names.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    found = []
    with tenancy.organization(actor.organization_id):
        for kind, code in named:
            value = models.DimensionValue.objects.filter(kind=kind.value, code=code).first()
            if value is None:
                raise UnknownDimensionValue(
                    f"There is no {kind} {code!r} to scope by. Name it first, or correct the code.",
                    field="scope",
                )
            found.append(value.pk)
    return tuple(found)


def values_of(named: Mapping[budgets.DimensionKind, str]) -> list[int]:
    """Return the values that are known of those named; an unknown one scopes no budget."""
    if not named:
        return []
    rows = models.DimensionValue.objects.filter(code__in=named.values()).values_list(
        "id", "kind", "code"
    )
    wanted = {(kind.value, code) for kind, code in named.items()}
    return sorted(pk for pk, kind, code in rows if (kind, code) in wanted)


def of_send(send: models.Send, given: Mapping[str, str]) -> list[int]:
    """Return the values that a send meets: its program and its sender, and what was given beside.

    What is known of the send counts, whatever was given for the same kind.
    """
    named = {budgets.DimensionKind(kind): code for kind, code in given.items()}
    if send.campaign.program is not None:
        named[budgets.DimensionKind.PROGRAM] = send.campaign.program.code
    if send.sender_reference:
        named[budgets.DimensionKind.PERSON] = send.sender_reference
    return values_of(named)


def funds_of(reach_ids: Iterable[int]) -> dict[int, list[int]]:
    """Return the funds of each reach."""
    return dict(models.Reach.objects.filter(id__in=set(reach_ids)).values_list("id", "fund_ids"))


def reach_of(actor: access.Actor, fund_id: int, values: Sequence[int]) -> int | None:
    """Return the key of the limits beside a fund for these values, written down if it is new."""
    if not values:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reach_of(%s, %s, %s)", [actor.organization_id, fund_id, sorted(set(values))]
        )
        found: int | None = cursor.fetchone()[0]
        return found
