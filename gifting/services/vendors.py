"""Make and rename vendors, and make those of a file with the gifts they sell."""

from __future__ import annotations

from gifting import models
from gifting.domain import access, refusals, texts
from gifting.services import conflicts, merges


class VendorCodeTaken(refusals.Conflict):
    code = "VENDOR_CODE_TAKEN"


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
