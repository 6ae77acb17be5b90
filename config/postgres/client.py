"""`manage.py dbshell`: psql as the application role, the wheel's own for the embedded server."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import client

from config.supervisor import postgres, programs


class DatabaseClient(client.DatabaseClient):
    """Start psql where the connection goes, as the role that the connection has."""

    connection: Any

    def runshell(self, parameters: Iterable[str]) -> None:
        """Run psql until it ends."""
        # Starts and prepares the embedded server, and says in one sentence what is wrong.
        self.connection.ensure_connection()
        place = self.connection.connection.info
        settings = {**self.connection.settings_dict, "HOST": place.host, "PORT": place.port}
        arguments, environment = self.settings_to_cmd_args_env(settings, list(parameters))
        if self.connection.embedded_home is not None:
            arguments[0] = str(_own_psql())
        options = settings["OPTIONS"]
        words = f"{options.get('options', '')} -c role={options['assume_role']}".strip()
        self.connection.close()
        self._run(arguments, {**os.environ, **(environment or {}), "PGOPTIONS": words})

    def _run(self, arguments: list[str], environment: dict[str, str]) -> None:
        handler = signal.getsignal(signal.SIGINT)
        try:
            # A Ctrl-C ends the statement in psql, not psql.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            subprocess.run(arguments, env=environment, check=True)  # noqa: S603 - psql itself
        finally:
            signal.signal(signal.SIGINT, handler)


def _own_psql() -> Path:
    return programs.locate(postgres.DISTRIBUTION, "pginstall/bin/psql", None)
