"""The other ends of the gifting room's edges: one class an edge, one query for a whole page.

What the viewer may not see is not found, so an edge to it is null like one that leads nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gifting.graphql import context
from gifting.selectors import (
    campaigns,
    fiscal,
    funding,
    reconciliations,
    records,
    sends,
    vendors,
)


class RecordByIdLoader(context.Loader[int, Any]):
    """Find visible records by the ids that other rows hold."""

    source: ClassVar[records.Source[Any]]

    def fetch(self, keys: Sequence[int]) -> Mapping[int, Any]:
        found = self.source.by_ids(actor=self.context.actor, ids=keys)
        self.context.meet(list(found.values()))
        return found


class DetailsByWholeIdLoader(context.Loader[int, Sequence[Any]]):
    """Find the details of visible records."""

    absent: ClassVar[Any] = ()
    details: ClassVar[records.Details[Any]]

    def fetch(self, keys: Sequence[int]) -> Mapping[int, Sequence[Any]]:
        found = self.details.by_whole(actor=self.context.actor, ids=keys)
        self.context.meet([detail for details in found.values() for detail in details])
        return found


class CampaignByIdLoader(RecordByIdLoader):
    source = campaigns.SOURCE


class CostCenterByIdLoader(RecordByIdLoader):
    source = fiscal.COST_CENTERS


class FiscalPeriodByIdLoader(RecordByIdLoader):
    source = fiscal.PERIODS


class VendorByIdLoader(RecordByIdLoader):
    source = vendors.SOURCE


class GiftItemByIdLoader(RecordByIdLoader):
    source = vendors.GIFT_ITEMS


class SendByIdLoader(RecordByIdLoader):
    source = sends.SOURCE


class RecipientByIdLoader(RecordByIdLoader):
    source = sends.RECIPIENTS


class CostsBySendIdLoader(DetailsByWholeIdLoader):
    details = sends.COSTS


class EventsBySendIdLoader(DetailsByWholeIdLoader):
    details = sends.EVENTS


class CommitmentsBySendIdLoader(DetailsByWholeIdLoader):
    details = funding.DRAWS


class CostSharesBySendIdLoader(DetailsByWholeIdLoader):
    details = funding.SHARES


class DecisionBySendIdLoader(context.Loader[int, Any]):
    """Find the last decision on each send."""

    absent: ClassVar[Any] = None

    def fetch(self, keys: Sequence[int]) -> Mapping[int, Any]:
        found = funding.DECISIONS.by_whole(actor=self.context.actor, ids=keys)
        return {send: decisions[0] for send, decisions in found.items()}


class CausesByRunIdLoader(context.Loader[int, Sequence[reconciliations.CauseRecord]]):
    """Find the lines that stand alone in tie-outs."""

    absent: ClassVar[Any] = ()

    def fetch(self, keys: Sequence[int]) -> Mapping[int, Sequence[reconciliations.CauseRecord]]:
        return reconciliations.causes(actor=self.context.actor, run_ids=keys)
