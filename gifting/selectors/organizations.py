"""Find organizations, and the cost centers that a person sees in one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from gifting import models


@dataclass(frozen=True, slots=True)
class OrganizationRecord:
    """What every reader of an organization needs to know of it."""

    id: UUID
    name: str
    slug: str
    currency: str
    time_zone: str
    is_synthetic: bool


def get(*, organization_id: UUID) -> OrganizationRecord:
    """Return the chosen organization."""
    return _record(models.Organization.objects.get(id=organization_id))


def find_by_slug(*, slug: str) -> OrganizationRecord | None:
    """Return the organization of the slug, if this transaction may see it."""
    found = models.Organization.objects.filter(slug=slug).first()
    return _record(found) if found else None


def list_visible() -> tuple[OrganizationRecord, ...]:
    """Return every organization that this transaction may see, by name."""
    return tuple(_record(row) for row in models.Organization.objects.order_by("name"))


def is_member(*, user_id: int) -> bool:
    """Tell whether a person belongs to the chosen organization."""
    return models.Membership.objects.filter(user_id=user_id).exists()


def subtree(*, cost_center_ids: Iterable[int]) -> frozenset[int]:
    """Return these cost centers and all that lie below them."""
    parents = dict(models.CostCenter.objects.values_list("id", "parent_id"))
    inside = set(cost_center_ids)
    pending = True
    while pending:
        below = {node for node, parent in parents.items() if parent in inside} - inside
        inside |= below
        pending = bool(below)
    return frozenset(inside)


def root_cost_center_id() -> int:
    """Return the cost center that the others hang from."""
    return (
        models.CostCenter.objects.filter(parent=None).order_by("id").values_list("id", flat=True)[0]
    )


def _record(row: models.Organization) -> OrganizationRecord:
    return OrganizationRecord(
        id=row.id,
        name=row.name,
        slug=row.slug,
        currency=row.currency,
        time_zone=row.time_zone,
        is_synthetic=row.is_synthetic,
    )
