"""What each kind of file may tell: the fields that a mapping can name, and how each is read.

A field is the product's word; the mapping says which column of the file holds it. One table, so
that the mapping is checked, the cells are read and the documentation is written from one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gifting.domain import lifecycle

NAME_LENGTH: Final = 255
CODE_LENGTH: Final = 64
COMPONENTS: Final = ("ITEM", "HANDLING", "SHIPPING", "TAX", "DUTY", "FEE")
BASES: Final = ("ESTIMATED", "ACTUAL")
TOUCH_KINDS: Final = ("DIGITAL", "PHYSICAL")


class Kind(StrEnum):
    ACCOUNTS = "ACCOUNTS"
    OPPORTUNITIES = "OPPORTUNITIES"
    SENDS = "SENDS"
    TOUCHES = "TOUCHES"


class Type(StrEnum):
    """How a cell is read."""

    TEXT = "TEXT"
    AMOUNT = "AMOUNT"
    CURRENCY = "CURRENCY"
    # A date without a time is the first, or the last, instant of that day.
    START = "START"
    END = "END"
    WHOLE = "WHOLE"
    COUNTRY = "COUNTRY"
    STAGE = "STAGE"
    STATE = "STATE"
    CHOICE = "CHOICE"


@dataclass(frozen=True, slots=True)
class Field:
    """State how one field is read; a required field is never blank."""

    type: Type = Type.TEXT
    is_required: bool = False
    longest: int = NAME_LENGTH
    choices: tuple[str, ...] = ()


_TEXT: Final = Field()
_KEY: Final = Field(is_required=True)
_CODE: Final = Field(longest=CODE_LENGTH)
_CODE_KEY: Final = Field(is_required=True, longest=CODE_LENGTH)
_START: Final = Field(Type.START)

STATE_TIMES: Final[Mapping[str, lifecycle.State]] = MappingProxyType(
    {f"{state.lower()}_at": state for state in lifecycle.State}
)
AMOUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {f"{component.lower()}_amount": component for component in COMPONENTS}
)
AMOUNT_BASES: Final[Mapping[str, str]] = MappingProxyType(
    {f"{component.lower()}_basis": component for component in COMPONENTS}
)

FIELDS: Final[Mapping[Kind, Mapping[str, Field]]] = MappingProxyType(
    {
        Kind.ACCOUNTS: MappingProxyType(
            {
                "external_id": _KEY,
                "name": _TEXT,
                "parent": _TEXT,
                "industry": _TEXT,
                "country": _TEXT,
                "employees": Field(Type.WHOLE),
            }
        ),
        Kind.OPPORTUNITIES: MappingProxyType(
            {
                "external_id": _KEY,
                "stage": Field(Type.STAGE, is_required=True),
                "account": _TEXT,
                "account_name": _TEXT,
                "name": _TEXT,
                "product": _TEXT,
                "owner": _TEXT,
                "amount": Field(Type.AMOUNT),
                "currency": Field(Type.CURRENCY),
                "opened_at": _START,
                "closed_at": Field(Type.END),
            }
        ),
        Kind.SENDS: MappingProxyType(
            {
                "external_id": _KEY,
                "campaign": _CODE_KEY,
                "campaign_name": _TEXT,
                "channel": _CODE,
                "vendor": _CODE_KEY,
                "vendor_name": _TEXT,
                "gift": _CODE,
                "gift_name": _TEXT,
                "gift_price": Field(Type.AMOUNT),
                "recipient": _TEXT,
                "recipient_name": _TEXT,
                "recipient_email": _TEXT,
                "recipient_country": Field(Type.COUNTRY),
                "account": _TEXT,
                "contact": _TEXT,
                "cost_center": _CODE,
                "sender": _TEXT,
                "quantity": Field(Type.WHOLE),
                "currency": Field(Type.CURRENCY),
                "status": Field(Type.STATE),
                "status_at": _START,
                "cost_at": _START,
                "cost_basis": Field(Type.CHOICE, choices=BASES),
                **dict.fromkeys(STATE_TIMES, _START),
                **dict.fromkeys(AMOUNTS, Field(Type.AMOUNT)),
                **dict.fromkeys(AMOUNT_BASES, Field(Type.CHOICE, choices=BASES)),
            }
        ),
        Kind.TOUCHES: MappingProxyType(
            {
                "external_id": _KEY,
                "occurred_at": Field(Type.START, is_required=True),
                "channel": _CODE_KEY,
                "kind": Field(Type.CHOICE, choices=TOUCH_KINDS),
                "account": _TEXT,
                "account_name": _TEXT,
                "contact": _TEXT,
                "campaign": _CODE,
                "campaign_name": _TEXT,
                "vendor": _CODE,
                "vendor_name": _TEXT,
                "cost_center": _CODE,
            }
        ),
    }
)
