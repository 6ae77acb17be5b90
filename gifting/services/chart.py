"""Write down the general ledger's accounts, which spend goes to which, and what a spend was for.

Each write has a natural key: the same account, mapping or coding again is the one that is there.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from gifting import models
from gifting.domain import access, codings, ledger, recipients, refusals
from gifting.domain.journals import batches, cells
from gifting.services import operations, tenancy


class AccountCodeUnusable(refusals.Invalid):
    code = "GL_ACCOUNT_CODE_UNUSABLE"


class AccountCodeTaken(refusals.Conflict):
    code = "GL_ACCOUNT_CODE_TAKEN"


class UnknownAccount(refusals.NotFound):
    code = "UNKNOWN_GL_ACCOUNT"


class MappingUnusable(refusals.Invalid):
    code = "GL_MAPPING_UNUSABLE"


class CodingKept(refusals.Conflict):
    code = "SPEND_CODING_KEPT"


class UnknownOperation(refusals.NotFound):
    code = "UNKNOWN_OPERATION"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which accounts spend goes to from a day on; what is left out fits everything."""

    bucket: ledger.Bucket
    account_id: int
    counter_account_id: int
    valid_from: dt.date
    cost_center_id: int | None = None
    component: str = ""
    recipient_class: str = ""
    department: str = ""
    class_name: str = ""
    location: str = ""
    subsidiary: str = ""
    payee: str = ""


def add_account(
    *,
    actor: access.Actor,
    code: str,
    name: str,
    kind: batches.AccountKind,
    parent_id: int | None = None,
    tax_rate: str = codings.NO_TAX,
) -> int:
    """Add an account and return its id; the same one again is the one that is there.

    Raises Forbidden, AccountCodeUnusable, AccountCodeTaken, TextUnusable and CellUnusable.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    if not batches.ACCOUNT_CODE.fullmatch(code):
        raise AccountCodeUnusable(
            "An account's code has 1 to 32 letters, digits, points and dashes. Write it as the "
            "general ledger does.",
            field="code",
        )
    for label, value in (("name", name), ("tax_rate", tax_rate)):
        operations.text(value, field=label, most=codings.LABEL_LENGTH)
        cells.require(value)
    if ":" in name:
        raise AccountCodeUnusable(
            "An account's name has no colon. Name its parent instead.", field="name"
        )
    wanted = {"name": name, "kind": kind.value, "parent_id": parent_id, "tax_rate": tax_rate}
    with tenancy.organization(actor.organization_id):
        if parent_id is not None:
            _require_accounts(parent_id)
        account, is_new = models.GlAccount.objects.get_or_create(
            organization_id=actor.organization_id, code=code, defaults=wanted
        )
    if not is_new and any(getattr(account, name) != value for name, value in wanted.items()):
        raise AccountCodeTaken(
            f"The account {code} is there with another name, kind, parent or tax rate. Accounts "
            "are not changed: add another code.",
            field="code",
        )
    return account.pk


def add_mapping(*, actor: access.Actor, mapping: Mapping) -> int:
    """Add a mapping and return its id; the same one again is the one that is there.

    Raises Forbidden, UnknownAccount, MappingUnusable and CellUnusable.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    wanted = {**dataclasses.asdict(mapping), "bucket": mapping.bucket.value}
    for label in ("department", "class_name", "location", "subsidiary", "payee"):
        if wanted[label]:
            operations.text(wanted[label], field=label, most=codings.LABEL_LENGTH)
            cells.require(wanted[label])
    with tenancy.organization(actor.organization_id):
        _require_fitting(mapping)
        same = models.GlMapping.objects.filter(**wanted).order_by("-id").first()
        if same is not None and not _is_overtaken(same):
            return same.pk
        made = models.GlMapping.objects.create(
            organization_id=actor.organization_id, user_id=actor.user_id, **wanted
        )
    return made.pk


def code_spend(
    *,
    actor: access.Actor,
    operation: UUID,
    component: str = "",
    recipient_class: recipients.RecipientClass | None = None,
    finance_tag: str = "",
) -> None:
    """Say what an operation's spend was for; what follows from it is coded alike.

    Raises Forbidden, UnknownOperation, CodingKept, MappingUnusable and CellUnusable.
    """
    actor.require(access.Permission.WRITE_SENDS)
    if component not in {"", *models.sends.Component}:
        raise MappingUnusable(f"There is no component {component!r}.", field="component")
    if finance_tag:
        operations.text(finance_tag, field="finance_tag", most=codings.LABEL_LENGTH)
        cells.require(finance_tag)
    wanted = {
        "component": component,
        "recipient_class": recipient_class.value if recipient_class else "",
        "finance_tag": finance_tag,
    }
    with tenancy.organization(actor.organization_id):
        found = models.Operation.objects.filter(public_id=operation).first()
        if found is None:
            raise UnknownOperation(f"There is no operation {operation}.", field="operation")
        coding, _ = models.SpendCoding.objects.get_or_create(
            organization_id=actor.organization_id, operation=found, defaults=wanted
        )
    if any(getattr(coding, name) != value for name, value in wanted.items()):
        raise CodingKept(
            "The spend of this operation is coded otherwise already, and codings are kept.",
            field="operation",
        )


def _require_fitting(mapping: Mapping) -> None:
    """Refuse a mapping that no journal could use."""
    if mapping.bucket not in codings.BUCKETS:
        raise MappingUnusable("Spend is mapped when it is ACCRUED or ACTUAL.", field="bucket")
    if mapping.component not in {"", *models.sends.Component}:
        raise MappingUnusable(f"There is no component {mapping.component!r}.", field="component")
    if mapping.recipient_class not in {"", *recipients.RecipientClass}:
        raise MappingUnusable(
            f"There is no class of recipient {mapping.recipient_class!r}.", field="recipient_class"
        )
    kinds = _require_accounts(mapping.account_id, mapping.counter_account_id)
    if kinds[mapping.account_id] not in batches.SPEND_ACCOUNTS:
        raise MappingUnusable(
            "Spend goes to an account of expense or of contra-revenue. Choose one of those.",
            field="account",
        )
    if kinds[mapping.counter_account_id] in batches.SPEND_ACCOUNTS:
        raise MappingUnusable(
            "What is owed stands on a liability, a payable or an asset. Choose one of those.",
            field="counter_account",
        )


def _require_accounts(*account_ids: int) -> dict[int, str]:
    kinds = dict(models.GlAccount.objects.filter(id__in=account_ids).values_list("id", "kind"))
    for account_id in account_ids:
        if account_id not in kinds:
            raise UnknownAccount(f"There is no account {account_id}.", field="account")
    return kinds


def _is_overtaken(mapping: models.GlMapping) -> bool:
    """Tell whether another mapping of the same conditions and day was recorded later."""
    return models.GlMapping.objects.filter(
        id__gt=mapping.pk,
        bucket=mapping.bucket,
        valid_from=mapping.valid_from,
        cost_center_id=mapping.cost_center_id,
        component=mapping.component,
        recipient_class=mapping.recipient_class,
    ).exists()
