"""Settings of the test suite: the product's own, on servers of its own, with cheap passwords."""

from __future__ import annotations

import os
from pathlib import Path

from config import env

# Before the product's settings are read: the suite never touches the data of the person at work.
os.environ.setdefault("TRIBUTE_HOME", str(Path(__file__).parent.parent / ".tribute" / "tests"))
os.environ.setdefault("TRIBUTE_LOG_LEVEL", "WARNING")
os.environ.setdefault("TRIBUTE_PROCESS", "command")
# The folder of a public CRM export that is not shipped; its test is skipped without it.
SAMPLE_DATA = env.text("CRM_SAMPLE_DATA", "")

from config.settings import *  # noqa: E402, F403 - a namespace, extended here, read after the above
from config.settings import DATABASES  # noqa: E402 - the same

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nobody misses the suite's rows after a crash of the machine; only what commits cost is measured as
# the product pays it.
DATABASES["default"]["EMBEDDED_DURABLE"] = env.flag("TESTS_DURABLE", default=False)
