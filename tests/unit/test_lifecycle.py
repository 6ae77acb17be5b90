"""The life of a send: every pair of states, and every vendor's word."""

from __future__ import annotations

import pytest

from gifting.domain import lifecycle
from gifting.domain.lifecycle import Anchor, State

PATH = (
    State.DRAFT,
    State.SCHEDULED,
    State.PENDING_APPROVAL,
    State.OFFERED,
    State.OPENED,
    State.CLICKED,
    State.ACCEPTED,
    State.IN_FULFILLMENT,
    State.SHIPPED,
    State.DELIVERED,
)
# The one step that may also be taken the other way round.
EITHER_WAY = (State.PENDING_APPROVAL, State.SCHEDULED)


def test_there_are_exactly_the_seventeen_canonical_states() -> None:
    assert " ".join(State) == (
        "DRAFT SCHEDULED PENDING_APPROVAL ON_HOLD OFFERED OPENED CLICKED ACCEPTED IN_FULFILLMENT "
        "SHIPPED DELIVERED DECLINED EXPIRED CANCELLED REFUNDED UNDELIVERABLE FAILED"
    )
    assert set(lifecycle.TRANSITIONS) == set(State)


def test_every_jump_forward_is_legal_and_none_back() -> None:
    forward = {(before, after) for place, before in enumerate(PATH) for after in PATH[place + 1 :]}

    legal = {(before, after) for before in PATH for after in PATH if _is_legal(before, after)}

    assert legal == forward | {EITHER_WAY}


def test_no_state_follows_itself() -> None:
    assert [state for state in State if state in lifecycle.TRANSITIONS[state]] == []


@pytest.mark.parametrize("ended", sorted(lifecycle.TERMINAL - {State.DELIVERED, State.REFUNDED}))
def test_only_a_refund_follows_an_end(ended: State) -> None:
    assert lifecycle.TRANSITIONS[ended] == {State.REFUNDED}


def test_a_delivered_gift_may_still_be_returned_or_refunded() -> None:
    assert lifecycle.TRANSITIONS[State.DELIVERED] == {State.UNDELIVERABLE, State.REFUNDED}
    assert lifecycle.TRANSITIONS[State.REFUNDED] == frozenset()


@pytest.mark.parametrize(
    ("end", "last_step"),
    [
        (State.DECLINED, State.CLICKED),
        (State.EXPIRED, State.CLICKED),
        (State.CANCELLED, State.SHIPPED),
        (State.FAILED, State.SHIPPED),
        (State.UNDELIVERABLE, State.DELIVERED),
        (State.REFUNDED, State.DELIVERED),
        (State.ON_HOLD, State.IN_FULFILLMENT),
    ],
)
def test_each_end_is_open_up_to_its_last_step(end: State, last_step: State) -> None:
    open_to = [step for step in PATH if end in lifecycle.TRANSITIONS[step]]

    assert open_to == list(PATH[: PATH.index(last_step) + 1])


def test_a_held_send_continues_anywhere_but_at_its_draft() -> None:
    assert lifecycle.TRANSITIONS[State.ON_HOLD] == set(State) - {State.ON_HOLD, State.DRAFT}


@pytest.mark.parametrize("state", State)
def test_a_send_enters_at_any_state_its_vendor_reports(state: State) -> None:
    lifecycle.require(None, state)


def test_an_illegal_move_is_refused_with_the_legal_ones() -> None:
    with pytest.raises(lifecycle.IllegalTransition) as refused:
        lifecycle.require(State.DELIVERED, State.OPENED)

    assert refused.value.code == "ILLEGAL_TRANSITION"
    assert refused.value.message == (
        "A send in DELIVERED cannot become OPENED. "
        "From here it can become REFUNDED or UNDELIVERABLE."
    )


def test_a_move_out_of_a_refund_is_refused() -> None:
    with pytest.raises(lifecycle.IllegalTransition, match=r"Nothing follows this state\."):
        lifecycle.require(State.REFUNDED, State.SHIPPED)


@pytest.mark.parametrize(
    ("current", "reported", "is_late"),
    [
        (State.DELIVERED, State.SHIPPED, True),
        (State.ACCEPTED, State.OPENED, True),
        (State.SHIPPED, State.DELIVERED, False),
        (State.SHIPPED, State.SHIPPED, False),
        (State.DECLINED, State.EXPIRED, False),
        # Either may follow the other, so the news is taken at its word.
        (State.SCHEDULED, State.PENDING_APPROVAL, False),
    ],
)
def test_news_that_lies_behind_is_told_from_news_that_contradicts(
    current: State, reported: State, *, is_late: bool
) -> None:
    assert lifecycle.is_late(current, reported) is is_late


@pytest.mark.parametrize(
    ("status", "state"),
    [
        # Sendoso's webhooks, Reachdesk, Alyce, Postal, Snappy, Tremendous, Tango, in that order.
        ("send.pending_approval", State.PENDING_APPROVAL),
        ("send.insufficient_funds", State.ON_HOLD),
        ("send.amazon_shipped", State.IN_FULFILLMENT),
        ("Confirming Address", State.OFFERED),
        ("Confirmation Canceled", State.CANCELLED),
        ("Used/Redeemed", State.ACCEPTED),
        ("Expired and Credited", State.REFUNDED),
        ("pending", State.PENDING_APPROVAL),
        ("address confirmed", State.ACCEPTED),
        ("invite sent", State.OFFERED),
        ("Gift Declined", State.DECLINED),
        ("Unwrapped", State.OPENED),
        ("PENDING INTERNAL PAYMENT APPROVAL", State.PENDING_APPROVAL),
        ("FROZEN", State.ON_HOLD),
        ("CANCELLED", State.CANCELLED),
        ("canceled", State.CANCELLED),
    ],
)
def test_vendor_words_become_one_of_ours(status: str, state: State) -> None:
    assert lifecycle.from_vendor(status) is state


@pytest.mark.parametrize("state", State)
def test_our_own_words_are_understood(state: State) -> None:
    assert lifecycle.from_vendor(state) is state


def test_an_unknown_vendor_word_is_refused_by_name() -> None:
    with pytest.raises(lifecycle.UnknownVendorStatus, match="'teleported'") as refused:
        lifecycle.from_vendor("teleported")

    assert refused.value.code == "UNKNOWN_VENDOR_STATUS"


def test_no_vendor_word_stands_for_two_states() -> None:
    words = [word for names in lifecycle._VENDOR_NAMES.values() for word in names]

    assert len(words) == len(set(words)) == len(lifecycle.VENDOR_STATUS)


def test_costs_count_from_acceptance_and_for_lost_gifts_but_not_for_refunded_ones() -> None:
    assert {state for state in State if lifecycle.counts_as_cost(state)} == {
        State.ACCEPTED,
        State.IN_FULFILLMENT,
        State.SHIPPED,
        State.DELIVERED,
        State.UNDELIVERABLE,
        State.FAILED,
    }


def test_touches_are_what_the_recipient_notices() -> None:
    assert {state for state in State if lifecycle.is_touch(state)} == {
        State.OFFERED,
        State.OPENED,
        State.CLICKED,
        State.ACCEPTED,
        State.SHIPPED,
        State.DELIVERED,
    }
    assert lifecycle.ANCHORS[Anchor.SENT] == {State.OFFERED, State.SHIPPED}


def test_terminal_states_are_the_seven_ends() -> None:
    ends = [state for state in State if lifecycle.is_terminal(state)]

    assert " ".join(ends) == ("DELIVERED DECLINED EXPIRED CANCELLED REFUNDED UNDELIVERABLE FAILED")


def _is_legal(before: State, after: State) -> bool:
    return after in lifecycle.TRANSITIONS[before]
