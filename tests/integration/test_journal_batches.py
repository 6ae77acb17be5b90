"""Batches tell of each transfer once, keep their numbers and are the same files for ever."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

import pytest

from gifting import models
from gifting.domain import access, codings, ledger, recipients, refusals
from gifting.domain.journals import batches
from gifting.domain.ledger import PeriodStatus
from gifting.services import chart, journals, tenancy
from gifting.services import ledger as posting
from tests.factories import closes as factory
from tests.factories import ledger as funds
from tests.factories import organizations

pytestmark = pytest.mark.django_db

DAY, NEXT_DAY = factory.DAY, factory.NEXT_DAY


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


def _posted(batch: models.JournalBatch) -> dict[str, Decimal]:
    """Add up the neutral file of a batch by account."""
    (file,) = _files(batch, batches.Format.CSV)
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(file.content.decode(), newline="")):
        totals[row["account_code"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    return dict(totals)


def _files(batch: models.JournalBatch, written_as: batches.Format) -> tuple[batches.File, ...]:
    return journals.files(actor=funds.actor(), batch=batch.public_id, written_as=written_as)


def test_spend_is_debited_net_of_what_came_back() -> None:
    """7.00 bought, 2.00 of it given back: 5.00 on gifts, owed on the clearing account."""
    factory.make_chart()
    funds.refund(funds.record_fact(funds.make_budget(), 7_00), 2_00)

    batch = factory.tell()

    assert _posted(batch) == {"6420": Decimal("5.00"), "2000": Decimal("-5.00")}
    assert (batch.number, batch.item_count, batch.total_minor) == (1, 2, 9_00)
    assert str(batch.dated_on) == "2025-03-31"


def test_a_gift_to_a_customer_takes_from_revenue_and_one_to_a_prospect_is_marketing() -> None:
    factory.make_chart()
    for recipient_class, amount in (("CUSTOMER", 3_00), ("PROSPECT", 4_00)):
        spend = funds.record_fact(funds.make_budget(), amount)
        chart.code_spend(
            actor=funds.actor(),
            operation=spend.operation_id,
            recipient_class=recipients.RecipientClass(recipient_class),
        )

    posted = _posted(factory.tell())

    assert posted == {
        "4090": Decimal("3.00"),
        "6420": Decimal("4.00"),
        "2000": Decimal("-7.00"),
    }


def test_accrual_reversal_and_invoice_over_two_periods_are_the_invoice() -> None:
    """Delivered 40 in March, invoiced 35 in April: March 40, April -40 + 35, together 35."""
    factory.make_chart()
    commitment = funds.make_commitment(funds.make_budget(100_00), 40_00)
    funds.accrue(commitment, 40_00)
    factory.prepare()
    accrual = factory.tell(batches.Kind.ACCRUAL)
    posting.invoice(
        actor=funds.actor(),
        key=funds.key(),
        commitment=commitment.public_id,
        amount=funds.usd(35_00),
        effective_on=NEXT_DAY,
        reason="Cheaper than ordered",
    )

    spend = factory.tell(day=NEXT_DAY)

    reversal = models.JournalBatch.objects.get(reverses=accrual)
    assert [_posted(each).get("6420") for each in (accrual, reversal, spend)] == [
        Decimal("40.00"),
        Decimal("-40.00"),
        Decimal("35.00"),
    ]
    assert (str(accrual.dated_on), str(reversal.dated_on)) == ("2025-03-31", "2025-04-01")
    assert reversal.fiscal_period == factory.period(NEXT_DAY)


def test_what_is_still_open_a_month_later_is_accrued_anew() -> None:
    factory.make_chart()
    funds.accrue(funds.make_commitment(), 40_00)
    for day in (DAY, NEXT_DAY):
        factory.prepare(day=day)
        factory.tell(batches.Kind.ACCRUAL, day=day)

    kinds = models.JournalBatch.objects.order_by("number").values_list("number", "kind")
    assert list(kinds) == [(1, "ACCRUAL"), (2, "REVERSAL"), (3, "ACCRUAL"), (4, "REVERSAL")]


def test_nothing_is_told_twice_until_its_batch_is_voided() -> None:
    factory.make_chart()
    funds.record_fact(funds.make_budget(), 7_00)
    first = factory.tell()
    with pytest.raises(journals.NothingToTell):
        factory.tell()

    journals.void(
        actor=funds.actor(),
        key=funds.key(),
        batch=first.public_id,
        reason="Wrong account",
        at=organizations.NOON,
    )
    second = factory.tell()

    first.refresh_from_db()
    assert (first.number, second.number, first.void_reason) == (1, 2, "Wrong account")
    assert second.items.get().transfer_id == first.items.get().transfer_id


def test_an_accrual_is_voided_with_its_reversal_and_not_the_other_way_round() -> None:
    factory.make_chart()
    funds.accrue(funds.make_commitment(), 40_00)
    factory.prepare()
    accrual = factory.tell(batches.Kind.ACCRUAL)
    reversal = models.JournalBatch.objects.get(reverses=accrual)

    with pytest.raises(journals.ReversalFollows):
        _void(reversal)
    _void(accrual)

    assert models.JournalBatch.objects.filter(voided_at=None).count() == 0
    assert models.JournalItem.objects.filter(is_voided=False).count() == 0
    with pytest.raises(journals.BatchVoided):
        _void(accrual)


def test_a_missing_mapping_is_named_and_no_number_is_used() -> None:
    funds.record_fact(funds.make_budget(), 7_00)

    with pytest.raises(codings.MappingMissing, match="No general ledger account is mapped"):
        factory.tell()

    assert models.JournalBatch.objects.count() == 0
    factory.make_chart()
    assert factory.tell().number == 1


def test_accruals_wait_for_a_soft_close() -> None:
    factory.make_chart()
    funds.accrue(funds.make_commitment(), 40_00)

    with pytest.raises(journals.PeriodStillOpen):
        factory.tell(batches.Kind.ACCRUAL)

    assert models.JournalBatch.objects.count() == 0


@pytest.mark.parametrize("written_as", batches.Format)
def test_a_batch_is_the_same_bytes_whatever_was_mapped_and_renamed_since(
    written_as: batches.Format,
) -> None:
    factory.make_chart()
    budget = funds.make_budget()
    funds.record_fact(budget, 7_00)
    batch = factory.tell()
    first = _files(batch, written_as)

    factory.make_mapping(valid_from=DAY)
    models.Budget.objects.filter(pk=budget.pk).update(name="Another name")
    models.FiscalPeriod.objects.filter(pk=factory.period().pk).update(name="March")
    again = _files(batch, written_as)

    assert first == again
    assert models.JournalFile.objects.count() == len(first)


def test_a_batch_that_is_first_written_late_says_what_it_was_made_with() -> None:
    factory.make_chart()
    budget = funds.make_budget()
    funds.record_fact(budget, 7_00)
    batch = factory.tell()
    name = budget.name

    models.Budget.objects.filter(pk=budget.pk).update(name="Another name")
    (file,) = _files(batch, batches.Format.HLEDGER)

    assert name.encode() in file.content
    assert b"Another name" not in file.content


def test_control_characters_of_a_record_do_not_stop_an_export() -> None:
    factory.make_chart()
    factory.fact(funds.make_budget(), 7_00, "=cmd|'\t/C calc'!A0")

    (file,) = _files(factory.tell(), batches.Format.CSV)

    assert b",'=cmd|' /C calc'!A0," in file.content


def test_the_nearest_cost_center_the_recipient_and_the_later_day_decide() -> None:
    factory.make_chart()
    above = organizations.make_cost_center()
    below = organizations.make_cost_center(parent=above)
    owed = models.GlAccount.objects.get(code="2000").pk
    for code, changes in (
        ("7000", {"cost_center_id": above.pk}),
        ("7001", {"cost_center_id": above.pk, "component": "ITEM"}),
        ("7002", {"cost_center_id": above.pk, "valid_from": DAY}),
        ("7003", {"cost_center_id": above.pk, "valid_from": NEXT_DAY}),
    ):
        account = factory.make_account(code, name=f"Of {code}")
        factory.make_mapping(account_id=account.pk, counter_account_id=owed, **changes)
    funds.record_fact(funds.make_budget(cost_center=below), 7_00)

    posted = _posted(factory.tell())

    assert posted == {"7002": Decimal("7.00"), "2000": Decimal("-7.00")}


def test_the_same_account_and_mapping_are_added_once_and_never_changed() -> None:
    account = factory.make_account("6420")
    assert factory.make_account("6420") == account
    with pytest.raises(chart.AccountCodeTaken):
        factory.make_account("6420", name="Something else")
    with pytest.raises(chart.AccountCodeUnusable):
        factory.make_account("64 20")
    owed = factory.make_account("2000", batches.AccountKind.LIABILITY)
    first = factory.make_mapping(account_id=account.pk, counter_account_id=owed.pk)
    with pytest.raises(chart.MappingUnusable):
        factory.make_mapping(account_id=owed.pk, counter_account_id=account.pk)
    with pytest.raises(chart.MappingUnusable):
        factory.make_mapping(
            bucket=ledger.Bucket.COMMITTED, account_id=account.pk, counter_account_id=owed.pk
        )

    assert factory.make_mapping(account_id=account.pk, counter_account_id=owed.pk) == first
    assert (models.GlAccount.objects.count(), models.GlMapping.objects.count()) == (2, 1)


def test_a_coding_is_kept() -> None:
    coding = factory.make_spend_coding()

    with pytest.raises(chart.CodingKept):
        chart.code_spend(actor=funds.actor(), operation=coding.operation.public_id, component="TAX")
    with pytest.raises(chart.UnknownOperation):
        chart.code_spend(actor=funds.actor(), operation=UUID(int=0), component="TAX")

    coding.refresh_from_db()
    assert coding.component == "ITEM"


@pytest.mark.parametrize("role", [access.Role.MARKETING, access.Role.AUDITOR])
def test_others_do_not_tell(role: access.Role) -> None:
    factory.make_chart()
    funds.record_fact(funds.make_budget(), 7_00)
    otto = access.Actor.member(
        user_id=organizations.make_person(f"otto-{role}").pk,
        organization_id=organizations.here(),
        role=role,
        cost_center_ids=[],
    )

    with pytest.raises(refusals.Forbidden):
        journals.create(
            actor=otto,
            key="otto",
            period_id=factory.period().pk,
            kind=batches.Kind.SPEND,
            currency="USD",
        )

    assert models.JournalBatch.objects.count() == 0
    assert factory.period().status == PeriodStatus.OPEN


def _void(batch: models.JournalBatch) -> None:
    journals.void(
        actor=funds.actor(),
        key=funds.key(),
        batch=batch.public_id,
        reason="Wrong account",
        at=organizations.NOON,
    )
