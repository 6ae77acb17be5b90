"""Rates and conversions, in the organization that the test entered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import connection

from gifting import models
from gifting.domain import access, exchange, money
from gifting.selectors import exchange as selectors
from gifting.services import exchange as services
from tests.factories import organizations

DAY = dt.date(2025, 3, 14)


def actor() -> access.Actor:
    return access.Actor.system(organization_id=organizations.here())


def make_reference_rates(*days: tuple[dt.date, Mapping[str, str]]) -> services.Imported:
    """Share what one euro costs on each day, as the central bank writes it."""
    quotes = sorted({quote for _, rates in days for quote in rates})
    lines = [",".join(["Date", *quotes, ""])]
    for day, rates in days:
        lines.append(",".join([str(day), *(rates.get(quote, "N/A") for quote in quotes), ""]))
    source = f"ecb {organizations.next_number()}"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        imported = services.import_reference(source=source, data="\n".join(lines).encode())
        cursor.execute("SET LOCAL ROLE tribute_app")
    return imported


def make_own_rates(*lines: str) -> services.Imported:
    """Give the organization rates of its own: `USD,EUR,BUDGET,2025-01-01,0.9`."""
    data = "\n".join(["base,quote,type,date,rate", *lines]).encode()
    return services.import_own(actor=actor(), source="treasury.csv", data=data)


def make_own_rate(rate: str = "0.91") -> models.OrganizationRate:
    make_own_rates(f"USD,EUR,SPOT,{DAY},{rate}{organizations.next_number()}")
    return models.OrganizationRate.objects.latest("id")


def make_rate_file() -> models.RateFile:
    return models.RateFile.objects.get(id=make_own_rate().file_id)


def make_conversion() -> models.Conversion:
    make_own_rate()
    converted = services.convert(
        actor=actor(), amount=money.Money(100_00, "USD"), to_currency="EUR", on=DAY
    )
    return kept(converted)


def kept(converted: services.Converted) -> models.Conversion:
    """Return what is stored of a conversion."""
    assert converted.conversion_id is not None
    return models.Conversion.objects.get(id=converted.conversion_id)


def rate_on(day: dt.date, from_currency: str, to_currency: str) -> exchange.Path:
    return selectors.path(
        actor=actor(), from_currency=from_currency, to_currency=to_currency, on=day
    )
