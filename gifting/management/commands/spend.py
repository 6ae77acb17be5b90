"""`manage.py spend`: consolidated spend by any cut, with the proof that it adds up."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.core.management.base import CommandParser
from rich.table import Table

from gifting.domain import access, cuts
from gifting.management import console
from gifting.selectors import consolidated, fiscal, spend
from gifting.services import organizations, tenancy

BROKEN = 1


class Command(console.ConsoleCommand):
    """Cut the spend of an organization; ends with 1 when the cut does not add up to its rows."""

    help = (
        "Spend by vendor, department, program, campaign, person, currency, period or component, or "
        "by two of them, with what it adds up to. Ends with 1 when it does not add up to the "
        "ledger. People are shown by pseudonyms."
    )
    examples = """\
  manage.py spend --organization acme --by vendor
  manage.py spend --organization acme --by department --then vendor --period "FY2026 P03" --json
  manage.py spend --organization acme --by campaign --basis accrual --currency EUR"""

    def add_arguments(self, parser: CommandParser) -> None:
        cut: dict[str, Any] = {
            "type": str.upper,
            "choices": [each.value for each in cuts.Dimension],
        }
        parser.add_argument("--organization", required=True, help="its short name")
        parser.add_argument("--by", required=True, metavar="CUT", help="what to cut by", **cut)
        parser.add_argument("--then", metavar="CUT", help="what to cut each slice by", **cut)
        parser.add_argument("--period", help="only this fiscal period, by its name")
        parser.add_argument("--currency", help="only this currency (default: each for itself)")
        parser.add_argument(
            "--basis",
            type=str.upper,
            choices=[each.value for each in cuts.Basis],
            default=cuts.Basis.LANDED_COST.value,
            help="landed_cost, accrual or invoiced (default: landed_cost)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = _without_names(access.Actor.system(organization_id=organization.id))
        with tenancy.organization(actor.organization_id, is_snapshot=True):
            named = options["period"]
            periods = fiscal.period_ids_named(actor=actor, name=named) if named else ()
            where = spend.Cut(fiscal_period_ids=periods)
            report = consolidated.get(
                actor=actor,
                cut=cuts.Dimension(options["by"]),
                then=cuts.Dimension(options["then"]) if options["then"] else None,
                basis=cuts.Basis(options["basis"]),
                currency=options["currency"],
                where=where,
            )
            lines = consolidated.reconcile(
                actor=actor, report=report, currency=options["currency"], where=where
            )
        if options["json"]:
            self.write_json(_plain(report, lines))
        else:
            self._show(report, lines)
        if any(line.difference.amount_minor for line in lines):
            raise SystemExit(BROKEN)

    def _show(
        self, report: consolidated.Report, lines: tuple[consolidated.Reconciliation, ...]
    ) -> None:
        names = [each.value.capitalize() for each in (report.cut, report.then) if each]
        has_rolled_up = any(row.rolled_up for row in report.slices)
        table = Table(*names, "Spend", *(["With all below"] if has_rolled_up else []))
        for row in report.slices:
            rolled_up = [row.rolled_up.format()] if row.rolled_up else []
            table.add_row(*(key.label for key in row.keys), row.amount.format(), *rolled_up)
        self.console.print(table)
        for line in lines:
            self.console.print(
                f"Total {line.cut_total.format()}; {line.row_count:,} rows add up to "
                f"{line.ledger_total.format()}; difference {line.difference.format()}"
            )


def _without_names(actor: access.Actor) -> access.Actor:
    """Make a table that can be handed on: it names no person."""
    personal = {access.Permission.READ_PERSONAL_DATA}
    return dataclasses.replace(actor, permissions=actor.permissions - personal)


def _plain(
    report: consolidated.Report, lines: tuple[consolidated.Reconciliation, ...]
) -> dict[str, Any]:
    return {
        "cut": report.cut,
        "then": report.then,
        "basis": report.basis,
        "served_from": report.served,
        "data_through": report.changed_at,
        "slices": [
            {
                "keys": [{"dimension": key.dimension, "label": key.label} for key in row.keys],
                "amount_minor": row.amount.amount_minor,
                "currency": row.amount.currency,
                "rolled_up_minor": row.rolled_up and row.rolled_up.amount_minor,
            }
            for row in report.slices
        ],
        "totals": [
            {
                "currency": line.cut_total.currency,
                "cut_minor": line.cut_total.amount_minor,
                "ledger_minor": line.ledger_total.amount_minor,
                "difference_minor": line.difference.amount_minor,
                "rows": line.row_count,
            }
            for line in lines
        ],
    }
