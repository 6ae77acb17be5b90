"""The other ends of procurement's edges: one class an edge, one query for a whole page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from gifting.graphql import context, loaders
from gifting.selectors import budgets, invoices, orders, vendors


class BudgetByIdLoader(loaders.RecordByIdLoader):
    source = budgets.SOURCE


class OrderByIdLoader(loaders.RecordByIdLoader):
    source = orders.ORDERS


class OrderLineByIdLoader(loaders.RecordByIdLoader):
    source = orders.ORDER_LINES


class ReceiptByIdLoader(loaders.RecordByIdLoader):
    source = orders.RECEIPTS


class InvoiceByIdLoader(loaders.RecordByIdLoader):
    source = invoices.INVOICES


class InvoiceLineByIdLoader(loaders.RecordByIdLoader):
    source = invoices.INVOICE_LINES


class MergeByIdLoader(loaders.RecordByIdLoader):
    source = vendors.MERGES


class LinesByOrderIdLoader(loaders.DetailsByWholeIdLoader):
    details = orders.LINES_OF_ORDERS


class TiersByContractPriceIdLoader(loaders.DetailsByWholeIdLoader):
    details = orders.TIERS_OF_CONTRACT_PRICES


class LinesByInvoiceIdLoader(loaders.DetailsByWholeIdLoader):
    details = invoices.LINES_OF_INVOICES


class LinesByCreditNoteIdLoader(loaders.DetailsByWholeIdLoader):
    details = invoices.LINES_OF_CREDIT_NOTES


class MatchesByInvoiceLineIdLoader(loaders.DetailsByWholeIdLoader):
    details = invoices.MATCHES_OF_LINES

    def fetch(self, keys: Sequence[int]) -> Mapping[int, Sequence[invoices.MatchRecord]]:
        """Keep the last run of each line, which comes first."""
        found = super().fetch(keys)
        return {
            line: tuple(each for each in matches if each.run == matches[0].run)
            for line, matches in found.items()
        }


class StandingByOrderLineIdLoader(context.Loader[int, orders.LineStanding]):
    absent: ClassVar[orders.LineStanding] = orders.LineStanding(0, 0)

    def fetch(self, keys: Sequence[int]) -> Mapping[int, orders.LineStanding]:
        return orders.standings(actor=self.context.actor, line_ids=keys)
