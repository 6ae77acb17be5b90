"""Make and rename vendors, say by what else they are known, and which of them are one company.

A merge is an event that says two vendors are one legal entity. It rewrites no order, invoice or
cost, so undoing it, another event, leaves every total as it was before.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from gifting import models
from gifting.domain import access, documents, refusals, texts
from gifting.domain.ledger import OperationKind
from gifting.services import conflicts, merges, operations
from gifting.services.operations import Plan

# An account number has few digits: a quick digest of it could be guessed back.
_PAYEE_ROUNDS: Final = 50_000


class VendorCodeTaken(refusals.Conflict):
    code = "VENDOR_CODE_TAKEN"


class UnknownVendor(refusals.NotFound):
    code = "UNKNOWN_VENDOR"


class UnknownIdentity(refusals.NotFound):
    code = "UNKNOWN_IDENTITY"


class UnknownMerge(refusals.NotFound):
    code = "UNKNOWN_MERGE"


class IdentityTaken(refusals.Conflict):
    code = "IDENTITY_TAKEN"


class MergeUnusable(refusals.Conflict):
    code = "MERGE_UNUSABLE"


def create(*, actor: access.Actor, code: str, name: str) -> int:
    """Make a vendor and return its id; raises Forbidden, TextUnusable and VendorCodeTaken."""
    actor.require(access.Permission.WRITE_VENDORS)
    texts.require(code, field="code", most=texts.CODE_LENGTH)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    vendor = models.Vendor(organization_id=actor.organization_id, code=code, name=name)
    taken = VendorCodeTaken(
        f"A vendor with the code {code!r} exists. Choose another code.", field="code"
    )
    with conflicts.refusing("vendor_code_is_unique", taken):
        vendor.save()
    return vendor.pk


def rename(*, actor: access.Actor, vendor_id: int, name: str) -> None:
    """Give a vendor another name; its code, which files know, stays.

    Raises Forbidden and TextUnusable.
    """
    actor.require(access.Permission.WRITE_VENDORS)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    models.Vendor.objects.filter(id=vendor_id).update(name=name)


def identify(
    *, actor: access.Actor, key: str, vendor_id: int, kind: documents.IdentityKind, value: str
) -> UUID:
    """Say by what a vendor is known elsewhere; return the identity's public id.

    Raises Forbidden, UnknownVendor, TextUnusable, IdentityUnusable, IdentityTaken and what
    `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_VENDORS)
    operations.text(value, field="value", most=texts.NAME_LENGTH)
    known = identity_value(actor=actor, kind=kind, value=value)

    def plan(identity_id: UUID) -> Plan:
        require(vendor_id)
        row = models.VendorIdentity.objects.filter(kind=kind.value, value=known, retired_at=None)
        taken = row.select_related("vendor").first()
        if taken is not None and taken.vendor_id != vendor_id:
            raise IdentityTaken(
                f"This {kind.replace('_', ' ').lower()} stands for the vendor "
                f"{taken.vendor.name!r}. Merge the two if they are one company.",
                field="value",
            )
        if taken is None:
            models.VendorIdentity.objects.create(
                organization_id=actor.organization_id,
                public_id=identity_id,
                vendor_id=vendor_id,
                kind=kind.value,
                value=known,
            )
        return Plan(response={"identity": str(taken.public_id if taken else identity_id)})

    request = {"vendor": vendor_id, "kind": kind.value, "value": known}
    answer = _perform(actor, OperationKind.IDENTIFY_VENDOR, key, request, plan)
    return UUID(answer.response["identity"])


def retire_identity(*, actor: access.Actor, key: str, identity: UUID, at: dt.datetime) -> UUID:
    """Say that a vendor is no longer known by something; another vendor may be from now on.

    Raises Forbidden, UnknownIdentity and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_VENDORS)

    def plan(_: UUID) -> Plan:
        row = models.VendorIdentity.objects.filter(public_id=identity, retired_at=None)
        if not row.update(retired_at=at):
            raise UnknownIdentity("There is no such identity in use.", field="identity")
        return Plan(response={"identity": str(identity)})

    _perform(actor, OperationKind.IDENTIFY_VENDOR, key, {"identity": identity, "ends": True}, plan)
    return identity


def merge(*, actor: access.Actor, key: str, vendor_id: int, into_id: int, reason: str) -> UUID:
    """Say that a vendor is another one; return the merge's public id, which undoes it.

    Raises Forbidden, UnknownVendor, TextUnusable, MergeUnusable and what `operations.perform`
    refuses.
    """
    actor.require(access.Permission.WRITE_VENDORS)
    operations.text(reason, field="reason")

    def plan(merge_id: UUID) -> Plan:
        require(vendor_id)
        require(into_id)
        _add_merge(
            models.VendorMerge(
                organization_id=actor.organization_id,
                public_id=merge_id,
                vendor_id=vendor_id,
                into_id=into_id,
                reason=reason,
                user_id=actor.user_id,
            )
        )
        return Plan(response={"merge": str(merge_id)})

    request = {"vendor": vendor_id, "into": into_id, "reason": reason}
    answer = _perform(actor, OperationKind.MERGE_VENDORS, key, request, plan)
    return UUID(answer.response["merge"])


def unmerge(*, actor: access.Actor, key: str, merge: UUID, reason: str) -> UUID:
    """Say that a merge was wrong: both vendors stand for themselves again; return the event's id.

    Raises Forbidden, UnknownMerge, TextUnusable, MergeUnusable and what `operations.perform`
    refuses.
    """
    actor.require(access.Permission.WRITE_VENDORS)
    operations.text(reason, field="reason")

    def plan(event_id: UUID) -> Plan:
        undone = models.VendorMerge.objects.filter(public_id=merge, undoes=None).first()
        if undone is None:
            raise UnknownMerge("There is no such merge.", field="merge")
        _add_merge(
            models.VendorMerge(
                organization_id=actor.organization_id,
                public_id=event_id,
                vendor_id=undone.vendor_id,
                into_id=undone.into_id,
                undoes=undone,
                reason=reason,
                user_id=actor.user_id,
            )
        )
        return Plan(response={"merge": str(event_id)})

    request = {"merge": merge, "reason": reason}
    answer = _perform(actor, OperationKind.UNMERGE_VENDORS, key, request, plan)
    return UUID(answer.response["merge"])


def identity_value(*, actor: access.Actor, kind: documents.IdentityKind, value: str) -> str:
    """Return an identity as it is kept: normalized, an account as a slow digest."""
    key = documents.identity_key(kind, value)
    if kind is not documents.IdentityKind.PAYEE:
        return key
    salt = actor.organization_id.bytes
    return hashlib.pbkdf2_hmac("sha256", key.encode(), salt, _PAYEE_ROUNDS).hex()


def require(vendor_id: int) -> None:
    """Refuse a vendor that is not there; raises UnknownVendor."""
    if not models.Vendor.objects.filter(id=vendor_id).exists():
        raise UnknownVendor("There is no such vendor.", field="vendor")


def add_named(*, actor: access.Actor, table: str) -> int:
    """Add the vendors of the staged columns vendor and vendor_name; return how many were new."""
    actor.require(access.Permission.IMPORT)
    return merges.execute(
        f"""INSERT INTO gifting_vendor (organization_id, code, name)
        SELECT DISTINCT ON (vendor) %(organization)s, vendor, coalesce(vendor_name, vendor)
        FROM pg_temp.{table} WHERE vendor IS NOT NULL ORDER BY vendor, line
        ON CONFLICT (organization_id, code) DO NOTHING""",
        {"organization": actor.organization_id},
    )


def add_named_gifts(*, actor: access.Actor, table: str) -> int:
    """Add the gifts of the staged columns gift, gift_name and gift_price; the vendors are there."""
    actor.require(access.Permission.IMPORT)
    return merges.execute(
        f"""INSERT INTO gifting_giftitem (organization_id, vendor_id, sku, name,
            list_price_amount_minor, currency, personalization)
        SELECT DISTINCT ON (vendor.id, staged.gift) %(organization)s, vendor.id, staged.gift,
            coalesce(staged.gift_name, staged.gift), staged.gift_price_minor, staged.currency,
            'NONE'
        FROM pg_temp.{table} AS staged JOIN gifting_vendor AS vendor ON vendor.code = staged.vendor
        WHERE staged.gift IS NOT NULL AND staged.gift_price_minor IS NOT NULL
        ORDER BY vendor.id, staged.gift, staged.line
        ON CONFLICT (organization_id, vendor_id, sku) DO NOTHING""",
        {"organization": actor.organization_id},
    )


def _perform(
    actor: access.Actor,
    kind: OperationKind,
    key: str,
    request: Mapping[str, object],
    plan: Callable[[UUID], Plan],
) -> operations.Answer:
    return operations.perform(actor=actor, kind=kind, key=key, request=request, plan=plan)


def _add_merge(event: models.VendorMerge) -> None:
    """Add the event, or say which rule of merges it breaks."""
    try:
        with transaction.atomic():
            event.save(force_insert=True)
    except IntegrityError as error:
        rule = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if rule not in _MERGE_RULES:
            raise
        raise MergeUnusable(_MERGE_RULES[rule], field="vendor") from None


_MERGE_RULES: Final = {
    "vendor_is_merged_once": "The vendor is merged into another one already. Undo that first.",
    "vendor_merges_make_no_circle": (
        "The other vendor is merged into this one already. Undo that first."
    ),
    "vendor_is_not_merged_into_itself": "A vendor is not merged into itself. Choose another one.",
    "vendor_merge_is_undone_once": "The merge is undone already.",
}
