"""Import digital and other touches onto the timelines of accounts."""

from __future__ import annotations

from integrations.domain import fields
from integrations.management import importing


class Command(importing.ImportCommand):
    help = "Import digital and other touches onto the timelines of accounts."
    kind = fields.Kind.TOUCHES
    examples = """\
  manage.py import_touches touches.csv --organization acme --mapping touches.toml"""
