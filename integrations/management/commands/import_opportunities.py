"""Import the opportunities of a CRM export, with the accounts that they name."""

from __future__ import annotations

from integrations.domain import fields
from integrations.management import importing


class Command(importing.ImportCommand):
    help = "Import the opportunities of a CRM export, with the accounts that they name."
    kind = fields.Kind.OPPORTUNITIES
    examples = """\
  manage.py import_opportunities pipeline.csv --organization acme --mapping maven_opportunities
  manage.py import_opportunities deals.csv --organization acme --mapping deals.toml --dry-run"""
