"""Reports taken and signed, in the organization that the test entered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gifting import models
from gifting.domain import access, reports
from gifting.services import reports as services
from tests.factories import ledger, organizations


def take(
    kind: str = "BUDGETS",
    *,
    rate_set: Mapping[str, str] | None = None,
    key: str | None = None,
    **parameters: Any,
) -> services.Taken:
    return services.take(
        actor=ledger.actor(),
        key=key or ledger.key(),
        kind=kind,
        parameters=parameters,
        rate_set=rate_set,
    )


def make_snapshot() -> models.ReportSnapshot:
    return models.ReportSnapshot.objects.get(id=take().snapshot_id)


def make_sign_off() -> models.SignOff:
    taken = take()
    person = organizations.make_person(f"femi-{organizations.next_number()}")
    femi = access.Actor.member(
        user_id=person.pk,
        organization_id=organizations.here(),
        role=access.Role.FINANCE,
        cost_center_ids=(),
    )
    signed = services.sign(
        actor=femi,
        snapshot=taken.public_id,
        role=reports.SignRole.PREPARER,
        sha256=taken.sha256,
    )
    return models.SignOff.objects.get(id=signed)
