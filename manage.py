#!/usr/bin/env python
"""Run Tribute's commands: `uv run manage.py help`."""

from __future__ import annotations

import sys

from django.core.management import execute_from_command_line

from config import boot


def main() -> None:
    boot.prepare("command")
    with boot.plain_faults():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
