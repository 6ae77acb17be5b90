"""What vendors are called and how their papers are numbered, brought to a form that compares.

The rules kept here: two numbers that differ in case, spaces, punctuation or leading zeros name one
paper, and two names that differ in case, accents of form, punctuation or legal form may name one
company. Numbers are compared by two keys, and equal in either is equal: `number_key` reads the
letters and digits alone, `number_parts` also drops the zeros that lead a part between separators,
so that INV-2024-001 meets both INV2024001 and inv 2024/1. PostgreSQL computes the same keys
(`gifting/migrations/sql/procurement.sql`), so that no writer can give another one.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

from gifting.domain import refusals

# ASCII and Latin-1 controls, blanks and punctuation; general punctuation and the minus sign.
_SEPARATORS: Final = re.compile(
    "[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a0\u2000-\u206f\u2212]+"
)
_LEADING_ZEROS: Final = re.compile(r"(?<![0-9])0+(?=[0-9])")
_LOWER: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# The words that say what kind of company it is, which no two papers write alike.
_LEGAL_FORMS: Final = frozenset(
    {"ab", "ag", "as", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "kg", "nv"}
    | {"incorporated", "limited", "llc", "llp", "ltd", "oy", "plc", "pty", "sa", "sarl", "sas"}
    | {"spa", "srl"}
)
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)


class NumberUnusable(refusals.Invalid):
    code = "NUMBER_UNUSABLE"


class IdentityUnusable(refusals.Invalid):
    code = "IDENTITY_UNUSABLE"


class IdentityKind(StrEnum):
    """By what a vendor is known on papers, cards and bank statements."""

    TAX_ID = "TAX_ID"
    DOMAIN = "DOMAIN"
    NAME = "NAME"
    PAYEE = "PAYEE"


def number_key(number: str) -> str:
    """Return a paper's number without case, blanks, punctuation and leading zeros."""
    return _LEADING_ZEROS.sub("", _SEPARATORS.sub("", _upper(number)))


def number_parts(number: str) -> str:
    """Return a paper's number part by part, each without its leading zeros."""
    parts = _SEPARATORS.sub(" ", _upper(number)).strip(" ")
    # A blank stays between two digits alone: there it tells 1-1 from 11.
    return re.sub(r"(?<![0-9]) | (?![0-9])", "", _LEADING_ZEROS.sub("", parts))


def require_number(number: str, *, field: str = "number") -> None:
    """Refuse a number without a letter or digit; raises NumberUnusable."""
    if not number_key(number):
        raise NumberUnusable(
            "The number has neither a letter nor a digit. Write it as it stands on the paper.",
            field=field,
        )


def name_key(name: str) -> str:
    """Return a company's name without case, punctuation and legal form."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(each for each in plain if not unicodedata.combining(each))
    words = re.sub(r"[^\w]+", " ", letters.replace(".", "").replace("'", "")).split()
    telling = [word for word in words if word not in _LEGAL_FORMS]
    return " ".join(telling or words)


def identity_key(kind: IdentityKind, value: str) -> str:
    """Return an identity in the form that compares; raises IdentityUnusable.

    A payee's account is not kept: give it through a digest, see `gifting.services.vendors`.
    """
    key = _IDENTITY_KEYS[kind](value)
    if not key:
        raise IdentityUnusable(
            f"{kind.replace('_', ' ').capitalize()} of a vendor: this says nothing. Write it as it "
            "stands on an invoice.",
            field="value",
        )
    return key


def _upper(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_LOWER)


def _tax_id_key(value: str) -> str:
    return _SEPARATORS.sub("", _upper(value))


def _domain_key(value: str) -> str:
    host = value.strip().lower().split("//")[-1].split("/")[0].split("@")[-1].split(":")[0]
    host = host.removeprefix("www.").rstrip(".")
    return host if _DOMAIN.fullmatch(host) else ""


_IDENTITY_KEYS: Final = {
    IdentityKind.TAX_ID: _tax_id_key,
    IdentityKind.DOMAIN: _domain_key,
    IdentityKind.NAME: name_key,
    IdentityKind.PAYEE: _tax_id_key,
}
