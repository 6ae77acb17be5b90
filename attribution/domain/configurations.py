"""How an organization attributes: one version of every choice that its figures rest on.

    models             what is computed unless somebody asks for others
    look-backs         days before the close; models of milestones have one of their own, without
                       limit unless given, since a lead may be much older than a campaign
    window anchor      the moment of a gift that counts as its touch: sent, delivered or opened;
                       where it was never opened, delivered; where that is not told, sent
    contact mapping    whose touches belong to an opportunity: all contacts of its account, those
                       with a role in it, or the one with the primary role
    channel scheme     the channel that figures show for each channel as recorded
    half-life, step    of time decay, in days

A version never changes: another choice is another version, and every run names the one it took.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attribution.domain import decay, journey, multitouch
from gifting.domain import refusals

MOST_CHANNELS: Final = 200
LONGEST_CHANNEL: Final = 64
DECIMALS_OF_A_DAY: Final = 6
# These need shares, or a campaign on the opportunity, that an organization does not record.
NOT_RECORDED: Final = frozenset({multitouch.Model.CUSTOM, multitouch.Model.PRIMARY_CAMPAIGN_SOURCE})


class ConfigurationUnusable(refusals.Invalid):
    code = "CONFIGURATION_UNUSABLE"


class WindowAnchor(StrEnum):
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    OPENED = "OPENED"


class ContactMapping(StrEnum):
    ALL_CONTACTS = "ALL_CONTACTS"
    CONTACT_ROLES = "CONTACT_ROLES"
    PRIMARY_ROLE = "PRIMARY_ROLE"


def _own_channels() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Configuration:
    """Hold one set of choices; raises ConfigurationUnusable, LookbackUnusable, HalfLifeUnusable."""

    models: tuple[multitouch.Model, ...] = multitouch.STANDARD
    lookback_days: int | None = journey.DEFAULT_LOOKBACK_DAYS
    milestone_lookback_days: int | None = None
    window_anchor: WindowAnchor = WindowAnchor.DELIVERED
    contact_mapping: ContactMapping = ContactMapping.ALL_CONTACTS
    half_life_days: Decimal = Decimal(decay.DEFAULT_HALF_LIFE_DAYS)
    step_days: Decimal = Decimal(decay.DEFAULT_STEP_DAYS)
    channel_scheme: Mapping[str, str] = field(default_factory=_own_channels)

    def __post_init__(self) -> None:
        _require_models(self.models)
        journey.require_lookback(self.lookback_days)
        journey.require_lookback(self.milestone_lookback_days)
        for days in (self.half_life_days, self.step_days):
            decay.half_life_microseconds(days)
            if days != round(days, DECIMALS_OF_A_DAY):
                raise ConfigurationUnusable(
                    f"A half-life of {days} days has more than {DECIMALS_OF_A_DAY} decimals. "
                    "Round it.",
                    field="half_life_days",
                )
        _require_channels(self.channel_scheme)

    @property
    def settings(self) -> multitouch.Settings:
        """Give what the kernel reads."""
        return multitouch.Settings(
            half_life=decay.half_life_microseconds(self.half_life_days),
            step=decay.half_life_microseconds(self.step_days),
        )

    def lookback_of(self, model: multitouch.Model) -> int | None:
        """Give the look-back of a model."""
        if multitouch.RULES[model].default_lookback_days is None:
            return self.milestone_lookback_days
        return self.lookback_days


def _require_models(models: tuple[multitouch.Model, ...]) -> None:
    if not models or len(set(models)) != len(models):
        raise ConfigurationUnusable("Name at least one model, and each once.", field="models")
    for model in models:
        if model in NOT_RECORDED:
            raise ConfigurationUnusable(
                f"{model} needs what opportunities here do not carry. Leave it out.",
                field="models",
            )


def _require_channels(scheme: Mapping[str, str]) -> None:
    if len(scheme) > MOST_CHANNELS:
        raise ConfigurationUnusable(
            f"A channel scheme may rename {MOST_CHANNELS} channels. Leave some as they are.",
            field="channel_scheme",
        )
    for recorded, shown in scheme.items():
        if not recorded or not 0 < len(shown) <= LONGEST_CHANNEL:
            raise ConfigurationUnusable(
                f"A channel has 1 to {LONGEST_CHANNEL} characters. Write it as recorded=shown.",
                field="channel_scheme",
            )
