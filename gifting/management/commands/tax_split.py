"""`manage.py tax_split`: a fiscal year's gifts split by a tax rule, as CSV or JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.management import console
from gifting.selectors import spend, tax
from gifting.services import organizations, tenancy

BROKEN = 1


class Command(console.ConsoleCommand):
    """Split a year; ends with 1 when the parts do not add up to the spend."""

    help = (
        "What of a fiscal year's gifts is deductible (or free of value added tax) and what is not, "
        "by recipient. Not legal advice. Ends with 1 when it does not add up to the spend of the "
        "year in the rule's currency. Recipients are shown by pseudonyms."
    )
    examples = """\
  manage.py tax_split --organization acme --rule US-274B --year 2026 > split.csv
  manage.py tax_split --organization acme --rule GB-VAT --year 2026 --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="its short name")
        parser.add_argument("--rule", required=True, help="the tax rule's code, such as US-274B")
        parser.add_argument("--year", required=True, type=int, help="the fiscal year")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        personal = {access.Permission.READ_PERSONAL_DATA}
        actor = dataclasses.replace(actor, permissions=actor.permissions - personal)
        with tenancy.organization(organization.id, is_snapshot=True):
            report = tax.split(actor=actor, rule_code=options["rule"], fiscal_year=options["year"])
            cut = spend.Cut(fiscal_year=options["year"])
            spent = spend.summary(actor=actor, currency=report.currency, cut=cut).total
        if options["json"]:
            self.write_json(_plain(report, spent.amount_minor))
        else:
            self.stdout.write(tax.as_csv(report).decode(), ending="")
        if spent != report.spent:
            raise SystemExit(BROKEN)


def _plain(report: tax.Report, spent_minor: int) -> dict[str, Any]:
    return {
        "rule": report.rules[0].code,
        "sources": [rule.source for rule in report.rules],
        "fiscal_year": report.fiscal_year,
        "currency": report.currency,
        "within_minor": report.within.amount_minor,
        "beyond_minor": report.beyond.amount_minor,
        "unjudged_minor": report.unjudged.amount_minor,
        "spent_minor": report.spent.amount_minor,
        "spend_minor": spent_minor,
        "difference_minor": spent_minor - report.spent.amount_minor,
        "other_currencies": report.other_currencies,
        "recipients": [dataclasses.asdict(row) for row in report.rows],
    }
