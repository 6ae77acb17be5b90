"""Read settings from the environment: typed, and refused loudly when wrong."""

from __future__ import annotations

import difflib
import os

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})

_asked_for: set[str] = set()


def text(name: str, default: str) -> str:
    """Return the variable's text, or the default when it is not set."""
    return _read(name, default)


def required(name: str, remedy: str) -> str:
    """Return the variable's text; refuse with the remedy when it is missing or empty."""
    value = _read(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {remedy}")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Return a yes or no; refuse any other word."""
    word = _read(name, "yes" if default else "no").strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} is {word!r}. Write yes or no.")


def whole(name: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """Return a whole number between two bounds; refuse anything else."""
    word = _read(name, str(default)).strip()
    if not (word.isascii() and word.isdigit() and least <= int(word) <= most):
        raise ImproperlyConfigured(f"{name} is {word!r}. Write a whole number {least} to {most}.")
    return int(word)


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return a comma-separated list without empty entries."""
    return [word.strip() for word in _read(name, ",".join(default)).split(",") if word.strip()]


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed words; refuse any other."""
    word = _read(name, default).strip()
    if word not in allowed:
        raise ImproperlyConfigured(f"{name} is {word!r}. Write one of: {', '.join(allowed)}.")
    return word


def refuse_unknown(prefix: str) -> None:
    """Refuse a variable that nothing asked for: a misspelt one would be ignored in silence."""
    for name in sorted(os.environ):
        if name.startswith(prefix) and name not in _asked_for:
            near = difflib.get_close_matches(name, _asked_for, n=1)
            hint = f"Did you mean {near[0]}?" if near else "Remove it."
            raise ImproperlyConfigured(f"{name} is not a setting of this program. {hint}")


def _read(name: str, default: str) -> str:
    _asked_for.add(name)
    return os.environ.get(name, default)
