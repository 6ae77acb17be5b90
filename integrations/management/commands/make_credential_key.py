"""Make a key for CREDENTIAL_KEYS."""

from __future__ import annotations

from typing import Any

from cryptography import fernet

from gifting.management import console


class Command(console.ConsoleCommand):
    help = "Make a key that seals CRM credentials; put it first in CREDENTIAL_KEYS."
    examples = """\
  manage.py make_credential_key"""

    def handle(self, *_: Any, **__: Any) -> None:
        self.stdout.write(fernet.Fernet.generate_key().decode())
