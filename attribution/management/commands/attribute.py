"""Attribute opportunities of a file to the touches of another, without a database."""

from __future__ import annotations

import contextlib
import decimal
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console

from attribution.domain.files import analysis
from gifting.domain import refusals
from gifting.management import console

MOST_THREADS = 8


class NumberUnusable(refusals.Invalid):
    code = "NUMBER_UNUSABLE"


class Command(console.ConsoleCommand):
    """Attribute opportunities of a file to the touches of another, without a database."""

    help = (
        "Attribute opportunities of a file to the touches of another, exact to the minor unit. "
        "Files are CSV, or Parquet when they end in .parquet. No database is needed or started."
    )
    examples = """\
  manage.py attribute --opportunities deals.csv --touches touches.csv --model linear \\
      --out credits.csv
  manage.py attribute --opportunities deals.csv --touches touches.csv --model w_shaped,time_decay \\
      --lookback-days 180 --half-life-days 14 --by campaign --out campaigns.csv
  manage.py attribute --opportunities deals.parquet --touches touches.parquet --model all \\
      --by channel --order 2 --out channels.parquet --json

files:
  opportunities: opportunity_id,account_id,created_at,closed_at,status,amount,currency, and
                 lead_created_at if there is one; status is won, lost or open
  touches:       touch_id,opportunity_id or account_id or both,channel,campaign,touched_at
  credits:       model,opportunity_id,touch_id,channel,campaign,weight,credit,currency
  sums:          model,channel (or campaign),weight,credit,currency

models:
  """ + ", ".join(analysis.MODELS)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--opportunities", required=True, type=Path, metavar="FILE")
        parser.add_argument("--touches", required=True, type=Path, metavar="FILE")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE")
        parser.add_argument(
            "--model", required=True, metavar="NAMES", help="separated by commas, or all"
        )
        parser.add_argument(
            "--by", default="touch", choices=analysis.CUTS, help="one row each (default: touch)"
        )
        parser.add_argument(
            "--basis",
            default="won",
            choices=("won", "open", "lost"),
            help="the opportunities whose amounts are divided (default: won)",
        )
        parser.add_argument(
            "--lookback-days", metavar="N", help="days before the close (default: no limit)"
        )
        parser.add_argument(
            "--half-life-days",
            metavar="H",
            help="of time_decay (default: 30) and the step of time_decay_step (default: 7)",
        )
        parser.add_argument("--order", default="1", metavar="K", help="of markov (default: 1)")
        parser.add_argument(
            "--timezone",
            default="UTC",
            metavar="ZONE",
            help="of dates and times that name none (default: UTC)",
        )
        parser.add_argument(
            "--as-of",
            metavar="TIME",
            help="the instant at which open deals are looked at (default: the latest touch)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        request = analysis.Request(
            models=tuple(name.strip() for name in options["model"].split(",")),
            basis=options["basis"],
            by=options["by"],
            lookback_days=_whole("lookback-days", options["lookback_days"]),
            half_life_days=_decimal("half-life-days", options["half_life_days"]),
            order=_whole("order", options["order"]) or 0,
            timezone=options["timezone"],
            as_of=options["as_of"],
            threads=min(os.cpu_count() or 1, MOST_THREADS),
        )
        with _progress() as show:
            summary = analysis.attribute(
                opportunities=options["opportunities"],
                touches_path=options["touches"],
                out=options["out"],
                request=request,
                progress=show,
            )
        self._report(summary, options["out"], as_json=options["json"])

    def _report(self, summary: analysis.Summary, out: Path, *, as_json: bool) -> None:
        for name, reason in summary.left_out.items():
            self.stderr.write(f"{name} is left out: {reason}")
        if as_json:
            self.write_json({"out": str(out), "summary": summary})
            return
        self.stdout.write(
            f"{summary.rows_written:,} rows of {len(summary.models)} models in {out}: "
            f"{summary.opportunities:,} {summary.basis} opportunities, "
            f"{summary.opportunities_without_touch:,} without a touch, "
            f"{summary.opportunities_without_amount:,} without an amount."
        )
        for name, count in summary.missing_milestones.items():
            self.stdout.write(f"{name}: a milestone is missing in {count:,} opportunities.")
        for name, groups in summary.negative_values.items():
            self.stdout.write(f"{name}: negative, and counted as 0, for {', '.join(groups)}.")


@contextlib.contextmanager
def _progress() -> Iterator[analysis.Progress]:
    """Show what is being done, on a terminal alone."""
    console_of_errors = Console(stderr=True)
    if not console_of_errors.is_terminal:
        yield lambda _: None
        return
    with console_of_errors.status("starting") as status:
        yield status.update


def _whole(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise NumberUnusable(f"--{name} {text!a} is not a whole number. Give one.") from None


def _decimal(name: str, text: str | None) -> decimal.Decimal | None:
    if text is None:
        return None
    try:
        return decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise NumberUnusable(f"--{name} {text!a} is not a number. Give one.") from None
