"""Numbers and names of papers compare whatever their spelling."""

from __future__ import annotations

import pytest

from gifting.domain import documents
from gifting.domain.documents import IdentityKind


def _meet(one: str, other: str) -> bool:
    return documents.number_key(one) == documents.number_key(other) or (
        documents.number_parts(one) == documents.number_parts(other)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("INV-0012", "inv-0012"),
        ("INV-0012", "INV 12"),
        ("INV-0012", "inv12"),
        ("0012", "12"),
        ("INV-2024-001", "INV2024001"),
        ("INV-2024-001", "inv 2024/1"),
        ("A.B-7", "ab 7"),
        ("\uff29\uff2e\uff36\uff0d\uff17", "INV-7"),
        ("INV\u20137", "INV-7"),
        ("INV\u00a07", "INV-7"),
    ],
)
def test_one_number_in_two_spellings_is_one(one: str, other: str) -> None:
    assert _meet(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("INV-12", "INV-13"),
        ("INV-12", "INV-120"),
        ("100", "1"),
        ("A1", "B1"),
        ("\u0421\u0447\u0451\u0442-7", "INV-7"),
    ],
)
def test_two_numbers_are_two(one: str, other: str) -> None:
    assert not _meet(one, other)


@pytest.mark.parametrize("number", ["", " ", "-/.", "\u2013"])
def test_a_number_says_something(number: str) -> None:
    with pytest.raises(documents.NumberUnusable) as refused:
        documents.require_number(number)

    assert refused.value.field == "number"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Gift Shop, Inc.", "gift shop"),
        ("GIFT-SHOP GmbH", "gift shop"),
        ("Caf\u00e9 L'Or S.A.R.L.", "cafe lor"),
        ("The Company", "the"),
        ("S.A.S.", "sas"),
        ("\u5929\u8336", "\u5929\u8336"),
    ],
)
def test_a_name_loses_case_marks_and_legal_form(name: str, key: str) -> None:
    assert documents.name_key(name) == key


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        (IdentityKind.TAX_ID, "de 123.456-789", "DE123456789"),
        (IdentityKind.DOMAIN, "https://www.Gifts.Example/shop?x=1", "gifts.example"),
        (IdentityKind.DOMAIN, "billing@gifts.example", "gifts.example"),
        (IdentityKind.NAME, "Gift Shop Ltd", "gift shop"),
        (IdentityKind.PAYEE, "de02 1203 0000", "DE0212030000"),
    ],
)
def test_an_identity_is_kept_in_the_form_that_compares(
    kind: IdentityKind, value: str, key: str
) -> None:
    assert documents.identity_key(kind, value) == key


@pytest.mark.parametrize(
    ("kind", "value"),
    [(IdentityKind.TAX_ID, "--"), (IdentityKind.DOMAIN, "gifts"), (IdentityKind.NAME, "?!")],
)
def test_an_identity_that_says_nothing_is_refused(kind: IdentityKind, value: str) -> None:
    with pytest.raises(documents.IdentityUnusable):
        documents.identity_key(kind, value)
