"""Settings of the test suite: the product's own, on servers of its own, with cheap passwords."""

from __future__ import annotations

import os
from pathlib import Path

# Before the product's settings are read: the suite never touches the data of the person at work.
os.environ.setdefault("TRIBUTE_HOME", str(Path(__file__).parent.parent / ".tribute" / "tests"))
os.environ.setdefault("TRIBUTE_LOG_LEVEL", "WARNING")
os.environ.setdefault("TRIBUTE_PROCESS", "command")

from config.settings import *  # noqa: F403 - a settings module is a namespace, extended here
from config.settings import DATABASES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nobody misses the suite's rows after a crash of the machine.
DATABASES["default"]["EMBEDDED_DURABLE"] = False
