"""Who receives gifts, as far as rules of law and policy tell recipients apart."""

from __future__ import annotations

from enum import StrEnum


class RecipientClass(StrEnum):
    """What a recipient is to the giver, or to the law. A recipient has one class: the strictest."""

    UNKNOWN = "UNKNOWN"
    PROSPECT = "PROSPECT"
    CUSTOMER = "CUSTOMER"
    PARTNER = "PARTNER"
    EMPLOYEE = "EMPLOYEE"
    PROCUREMENT = "PROCUREMENT"
    PUBLIC_OFFICIAL = "PUBLIC_OFFICIAL"
    HEALTHCARE_PROFESSIONAL = "HEALTHCARE_PROFESSIONAL"
    BROKER_DEALER = "BROKER_DEALER"
    MINOR = "MINOR"


class Relation(StrEnum):
    """Why gifts to one recipient count as gifts to another."""

    DUPLICATE = "DUPLICATE"
    FAMILY = "FAMILY"
    COMPANY_GIFT = "COMPANY_GIFT"
