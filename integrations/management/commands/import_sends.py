"""Import the sends of a gifting vendor, with what became of them and what they cost."""

from __future__ import annotations

from integrations.domain import fields
from integrations.management import importing


class Command(importing.ImportCommand):
    help = "Import the sends of a gifting vendor, with what became of them and what they cost."
    kind = fields.Kind.SENDS
    examples = """\
  manage.py import_sends sends.csv --organization acme --mapping vendor.toml"""
