"""The demo reads two simulated CRMs over HTTP, and reading them again changes nothing."""

from __future__ import annotations

import pytest

from config import simulated_crms
from integrations.services import syncing

# Committed, as in life: one transaction for it all would drag its dropped temporary tables along.
pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("committed_db")]


def count(found: dict[str, tuple[syncing.Outcome, ...]], what: str) -> int:
    return sum(getattr(outcome.counts, what) for outcomes in found.values() for outcome in outcomes)


def test_both_crms_are_read_and_a_second_time_nothing_changes() -> None:
    first = {provider.value: outcomes for provider, outcomes in simulated_crms.read()}
    again = {provider.value: outcomes for provider, outcomes in simulated_crms.read()}

    assert list(first) == ["salesforce", "hubspot"]
    deals = [
        outcome.counts.new
        for outcomes in first.values()
        for outcome in outcomes
        if outcome.stream == "opportunities"
    ]
    assert deals == [60, 60]
    assert count(first, "rejected") == 0
    # The portal does not say when an owner changed, so owners are new by their stamp alone.
    assert (count(again, "new"), count(again, "changed")) == (0, 0)
