"""What the sandbox's records are called: ids that sort by number, and names made of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from integrations.domain.sandbox import company, deals
from integrations.domain.sandbox.draws import Ints


def account_ids(block: deals.Accounts, places: Ints) -> list[str]:
    """Give the external ids of accounts."""
    return [f"A{number:07}" for number in (block.first_number + places).tolist()]


def contact_ids(block: deals.Accounts, places: Ints) -> list[str]:
    """Give the external ids of contacts, by their place in the block."""
    first = block.first_number * deals.MOST_CONTACTS
    return [f"C{number:07}" for number in (first + places).tolist()]


def opportunity_ids(block: deals.Deals, places: Ints) -> list[str]:
    """Give the external ids of opportunities."""
    return [f"O{number:07}" for number in (block.first_number + places).tolist()]


def account_names(numbers: Ints) -> list[str]:
    """Name accounts by number; two words, and a number once the words have been used up."""
    return [_account_name(number) for number in numbers.tolist()]


def person_names(numbers: Ints) -> list[str]:
    """Name people by number."""
    return [_person_name(number) for number in numbers.tolist()]


def emails(numbers: Ints, ids: Sequence[str]) -> list[str]:
    """Give people addresses that can never be delivered to."""
    return [
        f"{_person_name(number).lower().replace(' ', '.')}.{one.lower()}@customer.example"
        for number, one in zip(numbers.tolist(), ids, strict=True)
    ]


def pick(words: Sequence[str], places: Ints) -> list[str]:
    """Give the words at these places."""
    named: Callable[[int], str] = words.__getitem__
    return list(map(named, places.tolist()))


def with_ordinal(ids: Sequence[str], ordinals: Ints) -> list[str]:
    """Put a number behind each id."""
    return [f"{one}-{ordinal}" for one, ordinal in zip(ids, ordinals.tolist(), strict=True)]


def _account_name(number: int) -> str:
    first, last = company.ACCOUNT_FIRST_WORDS, company.ACCOUNT_LAST_WORDS
    again, place = divmod(number, len(first) * len(last))
    name = f"{first[place % len(first)]} {last[place // len(first)]}"
    return f"{name} {again + 1}" if again else name


def _person_name(number: int) -> str:
    first, last = company.FIRST_NAMES, company.LAST_NAMES
    return f"{first[number % len(first)]} {last[number // len(first) % len(last)]}"
