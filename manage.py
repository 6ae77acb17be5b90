#!/usr/bin/env python
"""Run Tribute's commands: `uv run manage.py help`."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from config import boot


def main() -> None:
    # Whatever a deployment says about its web processes: a migration takes the time it needs.
    os.environ["TRIBUTE_PROCESS"] = "command"
    boot.prepare("command")
    with boot.plain_faults():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
