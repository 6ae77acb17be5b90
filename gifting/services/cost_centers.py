"""Grow and re-hang the tree that spending is charged to."""

from __future__ import annotations

from gifting import models
from gifting.domain import access, refusals
from gifting.selectors import approvals, organizations
from gifting.services import conflicts


class CostCenterCodeTaken(refusals.Conflict):
    code = "COST_CENTER_CODE_TAKEN"


class OwnerUnusable(refusals.Invalid):
    code = "OWNER_UNUSABLE"


class CostCenterTreeBroken(refusals.Invalid):
    code = "COST_CENTER_TREE_BROKEN"


def create(*, actor: access.Actor, code: str, name: str, parent_id: int) -> int:
    """Make a cost center below another and return its id.

    Raises Forbidden and CostCenterCodeTaken.
    """
    actor.require(access.Permission.MANAGE_ACCESS)
    center = models.CostCenter(
        organization_id=actor.organization_id, code=code, name=name, parent_id=parent_id
    )
    taken = CostCenterCodeTaken(
        f"A cost center with the code {code!r} exists. Choose another code.", field="code"
    )
    with conflicts.refusing("cost_center_code_is_unique", taken):
        center.save()
    return center.pk


def change(*, actor: access.Actor, cost_center_id: int, name: str, parent_id: int | None) -> None:
    """Rename a cost center and hang it below another; its code stays.

    Raises Forbidden, and CostCenterTreeBroken when it would hang below itself or be a second root.
    """
    actor.require(access.Permission.MANAGE_ACCESS)
    # All rows of the tree are locked, so that two moves at once cannot make a circle.
    list(models.CostCenter.objects.select_for_update().order_by("id").values_list("id"))
    is_root = cost_center_id == organizations.root_cost_center_id()
    if (parent_id is None) != is_root:
        raise CostCenterTreeBroken(
            "The company's own cost center has none above it, and every other has one.",
            field="parent",
        )
    if parent_id in organizations.subtree(cost_center_ids=[cost_center_id]):
        raise CostCenterTreeBroken(
            "A cost center cannot hang below itself. Choose one outside its branch.",
            field="parent",
        )
    models.CostCenter.objects.filter(id=cost_center_id).update(name=name, parent_id=parent_id)


def assign_owner(*, actor: access.Actor, cost_center_id: int, user_id: int | None) -> None:
    """Say who approves what is charged here and below, where the approval policy asks for it.

    None leaves it to the owner of the next cost center above. Raises Forbidden and OwnerUnusable.
    """
    actor.require(access.Permission.MANAGE_ACCESS)
    if user_id is not None:
        person = approvals.person(user_id)
        if person is None or access.Permission.APPROVE not in access.ROLE_PERMISSIONS[person.role]:
            raise OwnerUnusable(
                "The owner of a cost center is a member whose role approves, such as FINANCE or "
                "APPROVER. Give the person such a role first.",
                field="owner_name",
            )
    models.CostCenter.objects.filter(id=cost_center_id).update(owner_id=user_id)
