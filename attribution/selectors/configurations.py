"""The choices that an organization's attribution rests on, as they stand and as they stood."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from attribution import models
from attribution.domain import configurations, multitouch


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the choices; id and version are 0 while none was set."""

    id: int
    version: int
    chosen: configurations.Configuration


def current() -> Version:
    """Return the newest version of the organization that was entered, or what holds without one."""
    row = models.AttributionConfiguration.objects.order_by("-version").first()
    return Version(0, 0, configurations.Configuration()) if row is None else of(row)


def of(row: models.AttributionConfiguration) -> Version:
    """Return the choices of a row."""
    return Version(
        id=row.id,
        version=row.version,
        chosen=configurations.Configuration(
            models=tuple(multitouch.Model(code) for code in row.model_codes),
            lookback_days=row.lookback_days,
            milestone_lookback_days=row.milestone_lookback_days,
            window_anchor=configurations.WindowAnchor(row.window_anchor),
            contact_mapping=configurations.ContactMapping(row.contact_mapping),
            half_life_days=Decimal(row.half_life_days),
            step_days=Decimal(row.step_days),
            channel_scheme=MappingProxyType(dict(row.channel_scheme)),
        ),
    )
