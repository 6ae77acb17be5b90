"""What the commands that make sandboxes ask alike, and how they show the work going on."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from argparse import BooleanOptionalAction
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.core.management.base import CommandParser
from rich.console import Console
from rich.progress import Progress

from integrations.domain.sandbox import parameters

MOST_WRITERS: Final = 4


def add(parser: CommandParser) -> None:
    """Add the options that say which truth is planted."""
    usual = parameters.Parameters()
    parser.add_argument(
        "--opportunities",
        type=int,
        default=usual.opportunities,
        metavar="N",
        help=f"how many, up to {parameters.MOST_OPPORTUNITIES:,} (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=usual.seed,
        help="other seeds, other rows (default: %(default)s)",
    )
    parser.add_argument(
        "--effect",
        type=float,
        default=usual.effect,
        metavar="LOG_ODDS",
        help="what a first gift truly adds to the log odds of winning (default: %(default)s)",
    )
    parser.add_argument(
        "--cycle-effect",
        type=float,
        default=usual.cycle_effect,
        metavar="SHARE",
        help="share of the remaining days a first gift truly saves (default: %(default)s)",
    )
    parser.add_argument(
        "--selection-bias",
        action=BooleanOptionalAction,
        default=usual.selection_bias,
        help="send gifts to better accounts first (default: yes)",
    )
    parser.add_argument(
        "--long-deal-bias",
        action=BooleanOptionalAction,
        default=usual.long_deal_bias,
        help="let gifts arrive at a constant daily rate while a deal is open (default: yes)",
    )
    parser.add_argument(
        "--until",
        type=dt.date.fromisoformat,
        default=usual.until,
        metavar="DATE",
        help="the last day of the history, two years long (default: %(default)s)",
    )


def parameters_of(options: dict[str, Any]) -> parameters.Parameters:
    """Read the options; raises SandboxUnusable."""
    return parameters.Parameters(
        seed=options["seed"],
        opportunities=options["opportunities"],
        effect=options["effect"],
        cycle_effect=options["cycle_effect"],
        selection_bias=options["selection_bias"],
        long_deal_bias=options["long_deal_bias"],
        until=options["until"],
    )


def writers() -> int:
    """Return how many connections write at once: as many as the machine has processors."""
    return min(os.cpu_count() or 1, MOST_WRITERS)


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while a large sandbox is written, on a terminal only."""
    console = Console(stderr=True)
    is_shown = console.is_terminal and total > parameters.BLOCK_SIZE
    with Progress(console=console, disable=not is_shown, transient=True) as bar:
        task = bar.add_task("Writing the sandbox", total=total)
        yield lambda count: bar.advance(task, count)
