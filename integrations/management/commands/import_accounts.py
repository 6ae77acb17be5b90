"""Import the accounts of a CRM export, with their hierarchy."""

from __future__ import annotations

from integrations.domain import fields
from integrations.management import importing


class Command(importing.ImportCommand):
    help = "Import the accounts of a CRM export, with their hierarchy."
    kind = fields.Kind.ACCOUNTS
    examples = """\
  manage.py import_accounts accounts.csv --organization acme --mapping maven_accounts"""
