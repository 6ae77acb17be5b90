"""The kernel: batches of whole accounts, on any number of shards and threads."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from attribution.domain import credit, journey, kernel, multitouch
from tests.unit.attribution_rows import DAY, deals, touches

MODELS = tuple(model for model in multitouch.Model if model is not multitouch.Model.CUSTOM)
CREDITED = tuple(model for model in MODELS if model is not multitouch.Model.PRIMARY_CAMPAIGN_SOURCE)
AS_OF = 1000 * DAY
DEAL_COUNT = 3000


def company() -> tuple[journey.Opportunities, journey.Touches]:
    """Make 3,000 deals of 1,000 accounts and 12,000 touches of 1,500, by arithmetic alone."""
    opportunities = deals(
        *((n, n % 1000, 200 + n * 37 % 700, n * 7919 % 100_000) for n in range(DEAL_COUNT))
    )
    touch_rows = touches(*((n, n * 31 % 1500, n * 53 % 900) for n in range(4 * DEAL_COUNT)))
    return opportunities, touch_rows


def attributed(
    opportunities: journey.Opportunities, touch_rows: journey.Touches, **how: Any
) -> Generator[kernel.Batch, None, None]:
    return kernel.attribute(opportunities, touch_rows, models=MODELS, as_of=AS_OF, **how)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shards", [1, 7])
def test_credits_and_unattributed_add_up_to_every_amount(
    model: multitouch.Model, shards: int
) -> None:
    opportunities, touch_rows = company()
    found_minor = np.zeros(DEAL_COUNT, dtype=np.int64)

    for batch in attributed(opportunities, touch_rows, shards=shards):
        given = batch.credits[model]
        np.add.at(found_minor, given.opportunity, given.amount_minor)
        found_minor[given.unattributed] = opportunities.amount_minor[given.unattributed]

    assert found_minor.tolist() == opportunities.amount_minor.tolist()


@pytest.mark.parametrize("how", [{"shards": 2}, {"shards": 64}, {"shards": 16, "threads": 3}, {}])
def test_shards_and_threads_do_not_change_the_digest(how: dict[str, int]) -> None:
    opportunities, touch_rows = company()

    def digest(**how: int) -> int:
        return (
            sum(
                credit.digest(given, opportunities, touch_rows)
                for batch in attributed(opportunities, touch_rows, **how)
                for given in batch.credits.values()
            )
            % 2**64
        )

    assert digest(**how) == digest(shards=1)


def test_batches_come_in_the_same_order_on_threads_as_without() -> None:
    opportunities, touch_rows = company()

    alone = [
        batch.opportunity.tolist() for batch in attributed(opportunities, touch_rows, shards=9)
    ]
    together = [
        batch.opportunity.tolist()
        for batch in attributed(opportunities, touch_rows, shards=9, threads=4)
    ]

    assert together == alone
    assert len(alone) == 9
    assert min(map(len, alone)) > 0


def test_an_account_is_never_cut_in_two() -> None:
    opportunities, touch_rows = company()

    homes = [
        set(opportunities.account[batch.opportunity].tolist())
        for batch in attributed(opportunities, touch_rows, shards=5)
    ]

    assert sum(map(len, homes)) == len(set[int]().union(*homes)) == 1000


def test_work_runs_ahead_of_the_reader_by_the_number_of_threads_and_stops_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opportunities, touch_rows = company()
    computed: list[object] = []
    share = credit.share

    def counted(*rows: Any) -> credit.Credits:
        computed.append(rows)
        return share(*rows)

    monkeypatch.setattr(credit, "share", counted)
    batches = attributed(opportunities, touch_rows, shards=50, threads=2)

    next(batches)
    batches.close()

    assert len(MODELS) <= len(computed) <= 3 * len(MODELS)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("attribution")]


def test_an_account_with_too_many_pairs_comes_in_several_batches() -> None:
    """Ten deals of one account see five touches each: 50 pairs, about 20 at once."""
    opportunities = deals(*((n, 7, 100, 1000) for n in range(10)))
    touch_rows = touches(*((n, 7, 50 + n) for n in range(5)))

    batches = list(attributed(opportunities, touch_rows, pairs_per_batch=20))

    assert [batch.opportunity.tolist() for batch in batches] == [
        [0, 1, 2],
        [3, 4, 5, 6],
        [7, 8, 9],
    ]
    assert [len(batch.credits[multitouch.Model.LINEAR]) for batch in batches] == [15, 20, 15]


def test_a_shard_that_fails_is_reported_and_ends_the_run() -> None:
    opportunities, touch_rows = company()
    touch_rows.occurred_at[5] = 2**62

    with pytest.raises(ValueError, match="too far off"):
        list(attributed(opportunities, touch_rows, shards=8, threads=2))


def test_no_opportunities_give_no_batch() -> None:
    assert list(attributed(deals(), touches((1, 7, 5)))) == []


def test_opportunities_without_any_touch_are_unattributed() -> None:
    (batch,) = attributed(deals((1, 7, 10, 100), (2, 7, 20, 100)), touches())

    assert [batch.credits[model].unattributed.tolist() for model in MODELS] == [[0, 1]] * len(
        MODELS
    )


def test_missing_amounts_are_flagged_by_their_rows() -> None:
    opportunities = deals((1, 7, 10, 100), (2, 8, 10, None), (3, 9, 10, 0))

    (batch,) = attributed(opportunities, touches((1, 8, 5)))

    assert batch.missing_amount.tolist() == [1]


def test_a_wrong_lookback_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(journey.LookbackUnusable, match="-1 days"):
        next(attributed(deals(), touches(), lookback_days=-1))
