"""Make a sandbox: a company with known truth, or gifts over an imported CRM export.

Everything made here is marked as synthetic. A sandbox that was interrupted is completed by asking
for it again; one that is complete is left as it is.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection
from django.utils.text import slugify

from attribution.domain import multitouch
from attribution.selectors import exposures
from attribution.services import runs
from gifting.domain import access, fiscal, refusals
from gifting.selectors import organizations
from gifting.services import batches as gift_batches
from gifting.services import organizations as organization_services
from gifting.services import tenancy
from integrations import models
from integrations.domain.sandbox import blocks, company, names, parameters, truth
from integrations.models import sandbox as sandbox_models
from integrations.services import sandbox_frame, sandbox_rows

# An export seldom knows contacts, so gifts go to this many made-up people of each account.
OVERLAY_RECIPIENTS: Final = 2
HOME_COUNTRIES: Final = frozenset({"", "US", "USA", "United States"})

Progress = Callable[[int], None]


class SandboxDiffers(refusals.Conflict):
    code = "SANDBOX_DIFFERS"


class NotASandbox(refusals.Conflict):
    code = "NOT_A_SANDBOX"


class NothingToLayOver(refusals.Conflict):
    code = "NOTHING_TO_LAY_OVER"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox as it stands: whose, what was asked for, what is true, and whether it is new."""

    organization: organizations.OrganizationRecord
    wanted: parameters.Parameters
    truth: Mapping[str, Any]
    people: tuple[sandbox_frame.Person, ...]
    is_new: bool


def create(
    *, name: str, wanted: parameters.Parameters, progress: Progress, writers: int = 1
) -> Sandbox:
    """Make the company, or complete it, or leave it; `progress` is told of opportunities written.

    A company of several blocks is written by so many connections at once. Raises NotASandbox when
    the name is a real organization's, and SandboxDiffers when it is that of another sandbox.
    """
    organization = _organization(name)
    people = sandbox_frame.people_of(organization)
    actor = access.Actor.system(organization_id=organization.id)
    with tenancy.organization(organization.id):
        kept = _begin(organization, sandbox_models.Kind.COMPANY, wanted)
        if kept.is_complete:
            return Sandbox(organization, wanted, kept.truth, people, is_new=False)
        ids = sandbox_frame.add_people(actor=actor, people=people)
        sandbox_frame.add_frame(
            actor=actor,
            currency=company.CURRENCY,
            starts_on=wanted.starts_on,
            owner_id=ids[people[0].user_name],
            marks=sandbox_frame.NONE,
        )
    found = truth.Truth()
    made = _counted(blocks.company_blocks(wanted), found)
    for written in _write_all(organization.id, made, min(writers, wanted.block_count)):
        progress(written)
    with tenancy.organization(organization.id):
        sandbox_frame.add_budgets(
            actor=actor,
            wanted=wanted,
            spend_by_campaign=found.spend_by_campaign(),
            currency=company.CURRENCY,
            starts_on=wanted.starts_on,
            marks=sandbox_frame.NONE,
        )
        _complete(found)
    return Sandbox(organization, wanted, found.as_json(), people, is_new=True)


def lay_over(
    *, organization_id: UUID, wanted: parameters.Parameters, progress: Progress
) -> Sandbox:
    """Lay campaigns, gifts and touches over the opportunities that the organization has.

    Its opportunities stay as they are, so no effect can be planted: the true effect of these gifts
    is nothing. All of it is written, or none. Raises NothingToLayOver and SandboxDiffers.
    """
    with tenancy.organization(organization_id):
        organization = organizations.get(organization_id=organization_id)
        actor = access.Actor.system(organization_id=organization_id)
        span = exposures.span(actor=actor, time_zone=organization.time_zone)
        if span is None:
            raise NothingToLayOver(
                f"{organization.name} has no opportunity with an account and an opening date. "
                "Import some first: manage.py import_opportunities."
            )
        wanted = dataclasses.replace(
            wanted,
            opportunities=span.count,
            effect=0.0,
            cycle_effect=0.0,
            until=span.last_day,
        )
        kept = _begin(organization, sandbox_models.Kind.OVERLAY, wanted)
        if kept.is_complete:
            return Sandbox(organization, wanted, kept.truth, (), is_new=False)
        found = _lay(actor, organization, wanted, span, progress)
        return Sandbox(organization, wanted, found.as_json(), (), is_new=True)


def attribute(*, made: Sandbox, models_to_run: Sequence[multitouch.Model]) -> None:
    """Attribute the company's won opportunities as of the end of its history."""
    end = dt.datetime.combine(
        made.wanted.until + dt.timedelta(days=1),
        dt.time(),
        tzinfo=fiscal.zone(made.organization.time_zone),
    )
    actor = access.Actor.system(organization_id=made.organization.id)
    runs.run(actor=actor, models_to_run=models_to_run, at=end)


def find(*, organization_id: UUID) -> Sandbox | None:
    """Return the organization's complete sandbox, if it has one."""
    with tenancy.organization(organization_id):
        kept = models.SandboxTruth.objects.filter(is_complete=True).first()
        if kept is None:
            return None
        organization = organizations.get(organization_id=organization_id)
        is_company = kept.kind == sandbox_models.Kind.COMPANY
        return Sandbox(
            organization=organization,
            wanted=parameters.Parameters.from_json(kept.parameters),
            truth=kept.truth,
            people=sandbox_frame.people_of(organization) if is_company else (),
            is_new=False,
        )


def _organization(name: str) -> organizations.OrganizationRecord:
    with tenancy.door(f"slug:{slugify(name)}"):
        there = organizations.find_by_slug(slug=slugify(name))
    if there is None:
        return organization_services.create(
            name=name,
            currency=company.CURRENCY,
            time_zone=company.TIME_ZONE,
            calendar=fiscal.Calendar(start_month=company.FISCAL_YEAR_START_MONTH),
            is_synthetic=True,
        )
    if not there.is_synthetic:
        raise NotASandbox(
            f"{there.name} is a real organization. Give the sandbox another name with --name, or "
            f"lay gifts over it with --over {there.slug}.",
            field="name",
        )
    return there


def _begin(
    organization: organizations.OrganizationRecord,
    kind: sandbox_models.Kind,
    wanted: parameters.Parameters,
) -> models.SandboxTruth:
    """Note what is to be planted before anything is; refuse to mix two truths."""
    kept, _ = models.SandboxTruth.objects.get_or_create(
        organization_id=organization.id,
        defaults={"kind": kind.value, "parameters": wanted.as_json()},
    )
    if (kept.kind, kept.parameters) != (kind.value, wanted.as_json()):
        raise SandboxDiffers(
            f"{organization.name} already holds a sandbox of {_told(kept.parameters)}. Ask for the "
            "same again, or for another company with --name."
        )
    return kept


def _told(kept: Mapping[str, Any]) -> str:
    """Name the parameters in their own order, which a JSON column does not keep."""
    told = parameters.Parameters.from_json(dict(kept)).as_json()
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items())


def _counted(made: Iterable[blocks.Block], found: truth.Truth) -> Iterator[blocks.Block]:
    for block in made:
        found.add_block(block)
        yield block


def _write_all(organization_id: UUID, made: Iterable[blocks.Block], writers: int) -> Iterator[int]:
    """Write each block in a transaction of its own; yield the number of opportunities in it.

    No more blocks wait than there are writers, so that memory stays bounded.
    """
    if writers == 1:
        for block in made:
            yield _write(organization_id, block)
        return
    with ThreadPoolExecutor(writers) as pool:
        waiting: deque[Future[int]] = deque()
        for block in made:
            waiting.append(pool.submit(_write_apart, organization_id, block))
            if len(waiting) > writers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _write_apart(organization_id: UUID, block: blocks.Block) -> int:
    """Write a block over a connection of this thread's own."""
    try:
        return _write(organization_id, block)
    finally:
        connection.close()


def _write(organization_id: UUID, block: blocks.Block) -> int:
    actor = access.Actor.system(organization_id=organization_id)
    with tenancy.organization(organization_id):
        sandbox_rows.write_company(actor=actor, block=block)
        sandbox_rows.write_gifts(actor=actor, block=block)
    return len(block.deals.account)


def _complete(found: truth.Truth) -> None:
    models.SandboxTruth.objects.update(truth=found.as_json(), is_complete=True)


def _lay(
    actor: access.Actor,
    organization: organizations.OrganizationRecord,
    wanted: parameters.Parameters,
    span: exposures.Span,
    progress: Progress,
) -> truth.Truth:
    sandbox_frame.add_frame(
        actor=actor,
        currency=organization.currency,
        starts_on=span.first_day,
        owner_id=None,
        marks=sandbox_frame.OVERLAY,
    )
    found = truth.Truth()
    batches = exposures.by_account(
        actor=actor, time_zone=organization.time_zone, batch_size=parameters.BLOCK_SIZE
    )
    for number, batch in enumerate(batches):
        laid = blocks.lay_over(wanted=wanted, block=number, given=_given(wanted, batch))
        _write_over(actor, organization, laid, batch)
        found.add_laid(laid)
        progress(len(batch))
    sandbox_frame.add_budgets(
        actor=actor,
        wanted=wanted,
        spend_by_campaign=found.spend_by_campaign(),
        currency=organization.currency,
        starts_on=span.first_day,
        marks=sandbox_frame.OVERLAY,
    )
    _complete(found)
    return found


def _given(wanted: parameters.Parameters, batch: tuple[exposures.Exposure, ...]) -> blocks.Given:
    """Describe deals to the generator.

    An account of an export may have a hundred deals: every second one counts as a further deal of
    a known customer, so that each kind of campaign gets its gifts.
    """
    return blocks.Given(
        opened_day=np.array([deal.opened_day for deal in batch], dtype=np.int64),
        ends_day=np.array(
            [wanted.last_day if deal.closed_day is None else deal.closed_day for deal in batch],
            dtype=np.int64,
        ),
        tier=np.array([deal.tier for deal in batch], dtype=np.int64),
        sequence=np.array([deal.sequence % 2 for deal in batch], dtype=np.int64),
        recipient_count=np.full(len(batch), OVERLAY_RECIPIENTS, dtype=np.int64),
        is_abroad=np.array([deal.country not in HOME_COUNTRIES for deal in batch]),
    )


def _write_over(
    actor: access.Actor,
    organization: organizations.OrganizationRecord,
    laid: blocks.Laid,
    batch: tuple[exposures.Exposure, ...],
) -> None:
    reference = sandbox_rows.Reference(
        opportunity=[deal.opportunity for deal in batch],
        account=[deal.account for deal in batch],
        account_source=[deal.account_source for deal in batch],
        currency=organization.currency,
        prefix=sandbox_frame.OVERLAY.prefix,
    )
    people = zip(laid.chosen.deal.tolist(), laid.chosen.recipient.tolist(), strict=True)
    recipients = [(batch[deal].account, f"{batch[deal].account}-{one + 1}") for deal, one in people]
    _write_recipients(actor, {one: account for account, one in recipients})
    sandbox_rows.write_laid(
        actor=actor,
        laid=laid,
        reference=reference,
        recipients=[one for _, one in recipients],
    )
    sandbox_rows.write_touches(
        actor=actor,
        touches=laid.touches,
        reference=reference,
        contacts=[""] * len(laid.touches.deal),
    )


def _write_recipients(actor: access.Actor, account_of: Mapping[str, str]) -> None:
    ids = list(account_of)
    numbers = np.array([zlib.crc32(one.encode()) for one in ids], dtype=np.int64)
    gift_batches.take_recipients(
        actor=actor,
        source=company.SOURCE,
        rows=gift_batches.Recipients(
            external_id=ids,
            name=names.person_names(numbers),
            email=[f"recipient.{number}@customer.example" for number in numbers.tolist()],
            country=[""] * len(ids),
            account_reference=list(account_of.values()),
            contact_reference=[""] * len(ids),
        ),
    )
