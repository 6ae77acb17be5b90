"""Connect a CRM to an organization."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.management import console
from gifting.services import organizations
from integrations.domain import crm
from integrations.services import connections

LARGEST_FILE_BYTES = 1 << 16


class Command(console.ConsoleCommand):
    help = "Connect a CRM to an organization; its credentials are stored sealed."
    examples = """\
  manage.py create_connection main --organization acme --provider hubspot --credentials hs.json
  manage.py create_connection sf --organization acme --provider salesforce \\
      --base-url https://acme.my.salesforce.com --credentials sf.json

credentials, one JSON object:
  salesforce  {"client_id", "client_secret"}, with "refresh_token" after a web login,
              or {"client_id", "username", "private_key"}
  hubspot     {"access_token"} of a private app,
              or {"client_id", "client_secret", "refresh_token"}"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the connection is called")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument(
            "--provider", required=True, choices=[each.value for each in crm.Provider]
        )
        parser.add_argument("--base-url", default="", metavar="URL", help="where the CRM answers")
        parser.add_argument(
            "--api-version", default="", help="such as 59.0, v3 or 2026-03; a tested one if left"
        )
        parser.add_argument(
            "--credentials", required=True, type=Path, metavar="FILE", help="a JSON file"
        )
        parser.add_argument("--json", action="store_true", help="write one object for machines")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        made = connections.create(
            actor=access.Actor.system(organization_id=organization.id),
            name=options["name"],
            provider=crm.Provider(options["provider"]),
            credentials=_read(options["credentials"]),
            base_url=options["base_url"],
            api_version=options["api_version"],
        )
        if options["json"]:
            self.write_json({"connection": options["name"], "id": made})
            return
        self.stdout.write(
            f"Connection {options['name']} made. Read it with "
            f"`manage.py sync --connection {options['name']} "
            f"--organization {options['organization']}`."
        )


def _read(path: Path) -> dict[str, str]:
    """Read the credentials; what is wrong is told without telling what is in the file."""
    remedy = 'Write one JSON object, such as {"access_token": "..."}.'
    try:
        content = path.read_bytes()
        told = orjson.loads(content) if len(content) <= LARGEST_FILE_BYTES else None
    except OSError as error:
        raise connections.ConnectionUnusable(
            f"The file {path} cannot be read: {error.strerror}. Check the path.",
            field="credentials",
        ) from error
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict) or not all(isinstance(each, str) for each in told.values()):
        raise connections.ConnectionUnusable(
            f"The file {path} holds no credentials. {remedy}", field="credentials"
        )
    return told
