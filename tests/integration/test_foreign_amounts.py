"""Budgets pay in other currencies: at dated rates, with what a rate moved on a line of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from uuid import UUID

import pytest

from gifting import models
from gifting.domain import exchange, money
from gifting.domain.ledger import Balances, Bucket, BudgetExceeded
from gifting.services import foreign, operations, tenancy
from gifting.services import ledger as services
from tests.factories import exchange as rates
from tests.factories import ledger, organizations

pytestmark = pytest.mark.django_db

COMMIT_DAY = dt.date(2025, 3, 3)
INVOICE_DAY = dt.date(2025, 3, 24)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        rates.make_reference_rates(
            (COMMIT_DAY, {"USD": "1.10", "JPY": "160"}), (INVOICE_DAY, {"USD": "1.15"})
        )
        yield


@pytest.fixture
def budget() -> models.Budget:
    return ledger.make_budget(500_00)


def eur(amount_minor: int) -> money.Money:
    return money.Money(amount_minor, "EUR")


def commit(*shares: tuple[models.Budget, money.Money]) -> list[models.Commitment]:
    answer = services.commit(
        actor=ledger.actor(),
        key=ledger.key(),
        shares=[services.Share(budget.pk, amount) for budget, amount in shares],
        effective_on=COMMIT_DAY,
    )
    return [
        models.Commitment.objects.get(public_id=each) for each in answer.response["commitments"]
    ]


def invoice(
    commitment: models.Commitment, amount: money.Money, on: dt.date = INVOICE_DAY
) -> operations.Answer:
    return services.invoice(
        actor=ledger.actor(),
        key=ledger.key(),
        commitment=commitment.public_id,
        amount=amount,
        effective_on=on,
        reason="As billed",
    )


def refund(spend: operations.Answer, amount: money.Money) -> operations.Answer:
    return services.refund(
        actor=ledger.actor(),
        key=ledger.key(),
        spend=UUID(spend.response["spend"]),
        amount=amount,
        effective_on=INVOICE_DAY,
    )


def steps(answer: operations.Answer) -> list[tuple[str, str, int, int | None, str]]:
    return list(
        models.Transfer.objects.filter(operation__public_id=answer.operation_id)
        .order_by("id")
        .values_list(
            "from_bucket", "to_bucket", "amount_minor", "transaction_amount_minor", "cause"
        )
    )


def test_a_posting_names_its_rate_the_day_asked_for_and_the_day_used(budget: models.Budget) -> None:
    (commitment,) = commit((budget, eur(100_00)))

    pend = models.Transfer.objects.get(id=commitment.pend_id)
    assert pend.conversion is not None
    assert pend.conversion.reference_rate is not None
    assert (commitment.amount_minor, pend.transaction_amount_minor) == (110_00, 100_00)
    assert (pend.conversion.from_currency, pend.conversion.to_currency) == ("EUR", "USD")
    assert (pend.conversion.asked_on, pend.conversion.used_on) == (COMMIT_DAY, COMMIT_DAY)
    assert pend.conversion.reference_rate.quote == "USD"


def test_shares_are_split_from_one_converted_total() -> None:
    """10.01 EUR is 11.011, so 11.01 USD; three shares of 3.33, 3.34, 3.34 add up to it."""
    budgets = [ledger.make_budget(100_00) for _ in range(3)]

    made = commit(*zip(budgets, [eur(3_33), eur(3_34), eur(3_34)], strict=True))

    assert sum(each.amount_minor for each in made) == 11_01
    assert models.Conversion.objects.count() == 1


def test_a_dearer_rate_is_a_line_of_its_own(budget: models.Budget) -> None:
    """120 EUR at 1.15 is 138.00; at the rate of the commitment 132.00, of which 110.00 reserved."""
    (commitment,) = commit((budget, eur(100_00)))

    answer = invoice(commitment, eur(120_00))

    assert steps(answer) == [
        ("COMMITTED", "ACTUAL", 110_00, 100_00, ""),
        ("AVAILABLE", "ACTUAL", 22_00, 20_00, ""),
        ("AVAILABLE", "ACTUAL", 6_00, 0, "FX"),
    ]
    assert ledger.balances(budget) == Balances(allocated=500_00, actual=138_00)


def test_a_cheaper_rate_gives_back_what_it_saved(budget: models.Budget) -> None:
    rates.make_reference_rates((INVOICE_DAY, {"USD": "1.05"}))
    (commitment,) = commit((budget, eur(100_00)))

    answer = invoice(commitment, eur(100_00))

    commitment.refresh_from_db()
    assert steps(answer) == [
        ("COMMITTED", "ACTUAL", 105_00, 100_00, ""),
        ("COMMITTED", "AVAILABLE", 5_00, 0, "FX"),
    ]
    assert (commitment.posted_minor, commitment.voided_minor) == (105_00, 5_00)
    assert ledger.balances(budget) == Balances(allocated=500_00, actual=105_00)


def test_what_a_rate_overruns_is_named_so_as_well() -> None:
    budget = ledger.make_budget(110_00)
    (commitment,) = commit((budget, eur(100_00)))

    answer = invoice(commitment, eur(100_00))

    assert steps(answer) == [
        ("COMMITTED", "ACTUAL", 110_00, 100_00, ""),
        ("OVERRUN", "AVAILABLE", 5_00, 0, "FX"),
        ("AVAILABLE", "ACTUAL", 5_00, 0, "FX"),
    ]
    assert models.OverrunException.objects.get().transfer.cause == "FX"


def test_invoices_in_parts_use_up_the_whole_commitment(budget: models.Budget) -> None:
    """0.03, 0.03 and 0.04 EUR are 3, 3 and 4 cents; of 11 reserved a cent was rounding."""
    (commitment,) = commit((budget, eur(10)))

    for part in (3, 3, 4):
        invoice(commitment, eur(part), COMMIT_DAY)

    commitment.refresh_from_db()
    assert (commitment.posted_minor, commitment.voided_minor) == (10, 1)
    assert ledger.balances(budget) == Balances(allocated=500_00, actual=10)


def test_what_was_delivered_is_accrued_at_the_commitments_rate(budget: models.Budget) -> None:
    (commitment,) = commit((budget, eur(100_00)))

    services.accrue(
        actor=ledger.actor(),
        key=ledger.key(),
        commitment=commitment.public_id,
        amount=eur(40_00),
        effective_on=INVOICE_DAY,
    )
    answer = invoice(commitment, eur(100_00))

    assert steps(answer) == [
        ("ACCRUED", "ACTUAL", 44_00, 40_00, ""),
        ("COMMITTED", "ACTUAL", 66_00, 60_00, ""),
        ("AVAILABLE", "ACTUAL", 5_00, 0, "FX"),
    ]


def test_a_full_refund_in_the_currency_of_the_spend_returns_every_balance(
    budget: models.Budget,
) -> None:
    (commitment,) = commit((budget, eur(100_00)))
    spend = invoice(commitment, eur(100_00))

    parts = [refund(spend, eur(part)) for part in (33_33, 33_33, 33_34)]

    assert sum(part.response["amount_minor"] for part in parts) == 115_00
    assert ledger.balances(budget) == Balances(allocated=500_00)
    with pytest.raises(operations.RefundExceedsSpend):
        refund(spend, eur(1))


def test_a_fact_of_another_currency_overruns_like_any_other() -> None:
    budget = ledger.make_budget(100_00)

    answer = services.record_fact(
        actor=ledger.actor(),
        key=ledger.key(),
        budget_id=budget.pk,
        amount=money.Money(16_000, "JPY"),
        effective_on=COMMIT_DAY,
        reason="Bought in Tokyo",
    )

    assert answer.response["overrun_minor"] == 10_00
    assert ledger.balances(budget) == Balances(allocated=100_00, actual=110_00, overrun=10_00)
    spend = models.Transfer.objects.get(to_bucket=Bucket.ACTUAL.value)
    assert spend.conversion is not None
    assert spend.conversion.second_reference_rate is not None


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (eur(500_00), BudgetExceeded),
        (money.Money(1_00, "GBP"), exchange.RateMissing),
        (money.Money(0, "EUR"), services.AmountNotPositive),
        (money.Money(2**63 - 1, "EUR"), money.AmountOutOfRange),
    ],
)
def test_what_is_refused_leaves_nothing(
    budget: models.Budget, amount: money.Money, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        commit((budget, amount))

    assert ledger.balances(budget) == Balances(allocated=500_00)
    assert models.Conversion.objects.count() == 0


def test_an_amount_worth_nothing_is_refused() -> None:
    budget = models.Budget.objects.create(
        organization_id=organizations.here(),
        cost_center=organizations.make_cost_center(),
        fiscal_period=ledger.make_budget().fiscal_period,
        name="Tokyo",
        original_amount_minor=1_000,
        currency="JPY",
    )
    rates.make_own_rates(f"USD,JPY,SPOT,{COMMIT_DAY},0.001")

    with pytest.raises(foreign.AmountTooSmall):
        commit((budget, money.Money(1, "USD")))

    assert models.Commitment.objects.count() == 0


def test_a_stale_rate_is_refused_and_its_key_stays_free(budget: models.Budget) -> None:
    key = ledger.key()
    late = COMMIT_DAY + dt.timedelta(days=15)

    def ask(day: dt.date) -> operations.Answer:
        return services.commit(
            actor=ledger.actor(),
            key=key,
            shares=[services.Share(budget.pk, eur(1_00))],
            effective_on=day,
        )

    with pytest.raises(exchange.RateStale):
        ask(late)

    assert ask(COMMIT_DAY).replayed is False


def test_the_same_request_gets_the_same_answer_after_a_correction(budget: models.Budget) -> None:
    key = ledger.key()
    share = [services.Share(budget.pk, eur(100_00))]

    def ask() -> operations.Answer:
        return services.commit(actor=ledger.actor(), key=key, shares=share, effective_on=COMMIT_DAY)

    first = ask()
    rates.make_reference_rates((COMMIT_DAY, {"USD": "9.99"}))

    again = ask()

    assert (again.replayed, again.response) == (True, first.response)
    assert ledger.balances(budget).committed == 110_00
