"""`manage.py demo`: the main job over a sandbox company, then the whole product to look at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich import box
from rich.table import Table

from attribution.domain import journey, multitouch, returns
from attribution.selectors import roi
from config import processes, simulated_crms
from config.management.commands import import_rates
from gifting.domain import access, money
from gifting.management import console
from gifting.selectors import spend
from gifting.services import tenancy
from integrations.domain.sandbox import company
from integrations.management import sandbox_options
from integrations.services import sandbox, sandbox_doors, sandbox_examples

MODEL: Final = multitouch.Model.LINEAR
DAYS_OF_RATES: Final = 90


class Command(console.ConsoleCommand):
    """Make the sandbox, attribute, print, serve."""

    help = (
        "Show which gifts earned which revenue against which budget in a sandbox company, then "
        "serve it. Running it twice changes nothing."
    )
    examples = """\
  manage.py demo
  manage.py demo --no-serve
  manage.py demo --no-serve --crm
  manage.py demo --json --opportunities 500"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="stop after printing")
        parser.add_argument("--json", action="store_true", help="print one object; do not serve")
        parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
        parser.add_argument("--name", default=company.NAME, help="of the sandbox company")
        parser.add_argument(
            "--crm", action="store_true", help="also read two simulated CRMs over HTTP"
        )
        sandbox_options.add(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "The demo makes logins with a known password, so it does not run in production. "
                "For the data alone: manage.py create_sandbox.",
                returncode=console.NOTHING_DONE,
            )
        is_serving = not (options["no_serve"] or options["json"])
        port = processes.claim_port(options["port"]) if is_serving else None
        processes.bring_up_to_date()
        import_rates.import_newest(days=DAYS_OF_RATES)
        made = self._sandbox(options)
        sandbox_examples.leave(made=made)
        if options["crm"] and not options["json"]:
            self._read_crms()
        report = _attribute(made)
        if options["json"]:
            self.write_json(_as_json(made, report))
            return
        self._show(
            made,
            report,
            sandbox_doors.open_doors(made=made, key=settings.SECRET_KEY, at=timezone.now()),
        )
        if port is not None:
            processes.serve(port)

    def _sandbox(self, options: dict[str, Any]) -> sandbox.Sandbox:
        wanted = sandbox_options.parameters_of(options)
        with sandbox_options.progress(wanted.opportunities) as progress:
            return sandbox.create(
                name=options["name"],
                wanted=wanted,
                progress=progress,
                writers=sandbox_options.writers(),
            )

    def _read_crms(self) -> None:
        """Read both simulated CRMs into a company of their own, one line per stream."""
        for provider, outcomes in simulated_crms.read():
            for outcome in outcomes:
                counts = outcome.counts
                self.console.print(
                    f"{provider:<10}  {outcome.stream:<19}  {counts.read:>5,} read  "
                    f"{counts.new:>5,} new  {counts.changed:>5,} changed  "
                    f"{counts.unchanged:>5,} unchanged  {counts.rejected:>3,} rejected"
                )
                if outcome.error:
                    self.console.print(outcome.error)
        self.console.print()

    def _show(self, made: sandbox.Sandbox, report: roi.Report, doors: sandbox_doors.Doors) -> None:
        out = self.console
        for person in made.people:
            out.print(f"login  {person.user_name}  {doors.password}  ({person.role})")
        out.print(f"token  {doors.token}  (development only)")
        out.print()
        out.print(_table(made, report))
        totals = report.totals
        out.print(
            f"attributed {_plain(totals.attributed)} + unattributed {_plain(totals.unattributed)}"
            f" = won revenue {totals.won_revenue}"
        )


def _attribute(made: sandbox.Sandbox) -> roi.Report:
    """Run every model as of the end of the sandbox's history, and read the report of one."""
    sandbox.attribute(made=made, models_to_run=multitouch.STANDARD)
    actor = access.Actor.system(organization_id=made.organization.id)
    with tenancy.organization(made.organization.id):
        return roi.by_campaign(
            actor=actor, model=MODEL, currency=made.organization.currency, cut=spend.Cut()
        )


def _table(made: sandbox.Sandbox, report: roi.Report) -> Table:
    """Show the campaigns of gifts with their sum, then those without cost, which have no ROI."""
    table = Table(
        title=f"{made.organization.name}: what gifts cost and earned, synthetic data",
        caption=(
            f"{made.wanted.starts_on} to {made.wanted.until}, model {MODEL}, look-back "
            f"{journey.DEFAULT_LOOKBACK_DAYS} days\nROI = {report.roi.formula_text}\n"
            f"Credit is shared, not caused. Planted truth: {_planted(made)}"
        ),
        box=box.SIMPLE_HEAD,
        show_footer=True,
    )
    table.add_column("Campaign", "Total", no_wrap=True)
    for heading, footer in (
        ("Spend", _plain(report.spend)),
        ("Budget", _plain(report.budget)),
        ("Attributed", _plain(report.totals.attributed)),
        ("ROI", ""),
    ):
        table.add_column(heading, footer, justify="right", no_wrap=True)
    for row in report.campaigns:
        if row.has_cost:
            table.add_row(row.name, *_figures(row.spend, row.budget, row.credit, row.roi))
    table.add_section()
    together = _figures(report.spend, report.budget, report.costed_credit, report.roi)
    table.add_row("All gifts", *together, end_section=True)
    for row in report.campaigns:
        if not row.has_cost:
            table.add_row(row.name, *_figures(row.spend, row.budget, row.credit, row.roi))
    return table


def _figures(
    spent: money.Money, budget: money.Money | None, credit: money.Money, found: returns.Return
) -> tuple[str, ...]:
    return _plain(spent), _plain(budget) if budget else "none", _plain(credit), _ratio(found)


def _planted(made: sandbox.Sandbox) -> str:
    caused = money.Money(made.truth["incremental_revenue_minor"], made.organization.currency)
    return (
        f"gifts caused {made.truth['incremental_wins']:,} of {made.truth['won']:,} wins ({caused})"
    )


def _plain(amount: money.Money) -> str:
    return str(amount).removesuffix(f" {amount.currency}")


def _ratio(found: returns.Return) -> str:
    return f"{Decimal(found.decimal_text):,.2f}" if found.decimal_text else "no cost"


def _as_json(made: sandbox.Sandbox, report: roi.Report) -> dict[str, Any]:
    totals, run = report.totals, report.totals.run
    return {
        "organization": made.organization.slug,
        "is_synthetic": made.organization.is_synthetic,
        "parameters": made.wanted.as_json(),
        "period": {"starts_on": made.wanted.starts_on, "until": made.wanted.until},
        "currency": totals.won_revenue.currency,
        "model": run.model,
        "rule_version": run.rule_version,
        "lookback_days": run.lookback_days,
        "as_of": run.as_of,
        "digest": run.digest,
        "basis": roi.BASIS,
        "won_revenue_minor": totals.won_revenue.amount_minor,
        "attributed_minor": totals.attributed.amount_minor,
        "unattributed_minor": totals.unattributed.amount_minor,
        "spend_minor": report.spend.amount_minor,
        "costed_credit_minor": report.costed_credit.amount_minor,
        "budget_minor": report.budget.amount_minor,
        "roi": _roi_as_json(report.roi),
        "campaigns": [
            {
                "name": row.name,
                "spend_minor": row.spend.amount_minor,
                "budget_minor": row.budget.amount_minor if row.budget else None,
                "credit_minor": row.credit.amount_minor,
                "touch_count": row.touch_count,
                "roi": _roi_as_json(row.roi),
            }
            for row in report.campaigns
        ],
    }


def _roi_as_json(found: returns.Return) -> dict[str, Any]:
    return {
        "formula": found.formula,
        "value": found.decimal_text,
        "numerator_minor": found.numerator,
        "denominator_minor": found.denominator,
        "reason": found.reason or None,
    }
