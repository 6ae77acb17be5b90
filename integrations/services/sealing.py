"""Seal secrets before they are stored, and open them where they are used.

The keys come from CREDENTIAL_KEYS, separated by commas: the first seals, all of them open. To
change the key, put the new one first, run `manage.py rotate_credentials`, then drop the old one.
"""

from __future__ import annotations

import orjson
from cryptography import fernet
from django.conf import settings

from gifting.domain import refusals


class SecretUnreadable(refusals.Conflict):
    """No key of CREDENTIAL_KEYS opens what is stored."""

    code = "SECRET_UNREADABLE"


class KeyMissing(refusals.Conflict):
    code = "CREDENTIAL_KEY_MISSING"


def seal(secret: dict[str, str]) -> bytes:
    """Return what may be stored; raises KeyMissing."""
    return _box().encrypt(orjson.dumps(secret))


def unseal(sealed: bytes | memoryview) -> dict[str, str]:
    """Return the secret; raises KeyMissing and SecretUnreadable."""
    try:
        opened: dict[str, str] = orjson.loads(_box().decrypt(bytes(sealed)))
    except fernet.InvalidToken as error:
        raise SecretUnreadable(
            "No key of CREDENTIAL_KEYS opens the stored credentials. Add the key that sealed them, "
            "or connect again."
        ) from error
    return opened


def _box() -> fernet.MultiFernet:
    if not settings.CREDENTIAL_KEYS:
        raise KeyMissing(
            "CREDENTIAL_KEYS is not set. Make a key with `manage.py make_credential_key`."
        )
    return fernet.MultiFernet([fernet.Fernet(key) for key in settings.CREDENTIAL_KEYS])
