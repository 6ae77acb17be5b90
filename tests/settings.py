"""Settings of the test suite: the product's own, with cheap passwords."""

from __future__ import annotations

from config.settings import *  # noqa: F403 - a settings module is a namespace, extended here

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
