"""Record when vendors take money and give it back, from a preset or by their contract."""

from __future__ import annotations

import dataclasses
import datetime as dt
from enum import StrEnum

from gifting import models
from gifting.domain import access, presets, refusals, texts
from gifting.domain import timing as rules
from gifting.models import timing as tables
from gifting.services import conflicts


class TermsOverlap(refusals.Conflict):
    code = "TERMS_OVERLAP"


class TermsEnded(refusals.Conflict):
    code = "TERMS_ENDED"


class TermsInUse(refusals.Conflict):
    code = "TERMS_IN_USE"


class TermsUnusable(refusals.Invalid):
    code = "TERMS_UNUSABLE"


class UnknownPreset(refusals.NotFound):
    code = "UNKNOWN_PRESET"


class UnknownTerms(refusals.NotFound):
    code = "UNKNOWN_TERMS"


def add(
    *,
    actor: access.Actor,
    vendor_id: int,
    gift_kind: rules.GiftKind,
    terms: rules.Terms,
    starts_on: dt.date,
    source: str,
    ends_on: dt.date | None = None,
) -> int:
    """Record terms from a day on and return their id; the same terms again are those there.

    Raises Forbidden, TextUnusable, TermsUnusable and TermsOverlap.
    """
    actor.require(access.Permission.WRITE_VENDORS)
    texts.require(source, field="source", most=tables.SOURCE_LENGTH)
    _require_usable(terms, starts_on, ends_on)
    values = {
        "vendor_id": vendor_id,
        "gift_kind": gift_kind.value,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "source": source,
        **{name: _plain(value) for name, value in dataclasses.asdict(terms).items()},
    }
    there = models.MoneyTiming.objects.filter(
        **{name: value for name, value in values.items() if value is not None},
        **{f"{name}__isnull": True for name, value in values.items() if value is None},
    ).first()
    if there is not None:
        return there.pk
    row = models.MoneyTiming(organization_id=actor.organization_id, **values)
    overlap = TermsOverlap(
        f"Other terms of this vendor for {gift_kind} hold on some of these days. End them first, "
        "or choose other days.",
        field="starts_on",
    )
    with conflicts.refusing("money_timing_days_do_not_overlap", overlap):
        row.save()
    return row.pk


def add_preset(*, actor: access.Actor, vendor_id: int, code: str, starts_on: dt.date) -> int:
    """Record the terms of a preset for a vendor; raises UnknownPreset and what `add` refuses."""
    preset = presets.BY_CODE.get(code)
    if preset is None:
        raise UnknownPreset(
            f"There is no preset {code[:64]!r}. Choose one of {', '.join(presets.BY_CODE)}.",
            field="preset",
        )
    return add(
        actor=actor,
        vendor_id=vendor_id,
        gift_kind=preset.gift_kind,
        terms=preset.terms,
        starts_on=starts_on,
        source=preset.source,
    )


def end(*, actor: access.Actor, timing_id: int, ends_on: dt.date) -> None:
    """Let terms hold until the day before, once; sends that have them keep them.

    Raises Forbidden, UnknownTerms, TermsUnusable, TermsEnded and TermsInUse.
    """
    actor.require(access.Permission.WRITE_VENDORS)
    row = models.MoneyTiming.objects.filter(id=timing_id).first()
    if row is None:
        raise UnknownTerms("There are no such terms.", field="terms")
    if row.ends_on == ends_on:
        return
    if ends_on <= row.starts_on:
        raise TermsUnusable("Terms end after the day on which they start.", field="ends_on")
    ended = TermsEnded("These terms were ended before. Add new ones.", field="ends_on")
    in_use = TermsInUse(
        "Sends were requested under these terms on that day or later. Choose a later day.",
        field="ends_on",
    )
    with (
        conflicts.refusing("money_timing_is_ended_once", ended),
        conflicts.refusing("money_timing_covers_its_sends", in_use),
    ):
        row.ends_on = ends_on
        row.save(update_fields=["ends_on"])


def _require_usable(terms: rules.Terms, starts_on: dt.date, ends_on: dt.date | None) -> None:
    if ends_on is not None and ends_on <= starts_on:
        raise TermsUnusable("Terms end after the day on which they start.", field="ends_on")
    for name in ("fee_rate", "tax_rate"):
        if not 0 <= getattr(terms, name) <= rules.FULL_RATE:
            raise TermsUnusable(
                f"A rate is 0 to {rules.FULL_RATE} hundredths of a percent.", field=name
            )
    for name in ("returns_within_days", "credit_days"):
        days = getattr(terms, name)
        if days is not None and not 0 < days <= rules.MOST_DAYS:
            raise TermsUnusable(f"Write 1 to {rules.MOST_DAYS} days, or none.", field=name)


def _plain(value: object) -> object:
    return value.value if isinstance(value, StrEnum) else value
