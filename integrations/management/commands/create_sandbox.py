"""Make a sandbox from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.text import slugify

from attribution.domain import multitouch
from gifting.domain import refusals
from gifting.management import console
from gifting.selectors import organizations
from gifting.services import tenancy
from integrations.domain.sandbox import company
from integrations.management import sandbox_options
from integrations.services import sandbox, sandbox_examples


class UnknownOrganization(refusals.NotFound):
    code = "UNKNOWN_ORGANIZATION"


class Command(console.ConsoleCommand):
    """Parse, make, print the truth."""

    help = (
        "Generate a company whose truth is known, or lay synthetic gifts over the imported "
        "opportunities of an organization; print the truth as JSON. All of it is marked synthetic."
    )
    examples = """\
  manage.py create_sandbox
  manage.py create_sandbox --name "Null effect (sandbox)" --opportunities 100000 --effect 0
  manage.py create_sandbox --over acme --seed 11"""

    def add_arguments(self, parser: CommandParser) -> None:
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--name", default=company.NAME, help="of the company (default: %(default)s)"
        )
        where.add_argument(
            "--over",
            metavar="ORGANIZATION",
            help="lay gifts and touches over this organization's opportunities instead",
        )
        sandbox_options.add(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        wanted = sandbox_options.parameters_of(options)
        with sandbox_options.progress(wanted.opportunities) as progress:
            made = (
                sandbox.lay_over(
                    organization_id=_organization(options["over"]).id,
                    wanted=wanted,
                    progress=progress,
                )
                if options["over"]
                else sandbox.create(
                    name=options["name"],
                    wanted=wanted,
                    progress=progress,
                    writers=sandbox_options.writers(),
                )
            )
        if not options["over"]:
            sandbox_examples.leave(made=made)
            sandbox.attribute(made=made, models_to_run=[multitouch.Model.LINEAR])
        self.write_json(
            {
                "organization": made.organization.slug,
                "is_synthetic": True,
                "is_new": made.is_new,
                "parameters": made.wanted.as_json(),
                "truth": dict(made.truth),
            }
        )


def _organization(slug: str) -> organizations.OrganizationRecord:
    with tenancy.door(f"slug:{slugify(slug)}"):
        found = organizations.find_by_slug(slug=slugify(slug))
    if found is None:
        raise UnknownOrganization(
            f"There is no organization {slug!r}. Create it first: manage.py create_organization."
        )
    return found
