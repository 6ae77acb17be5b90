"""Read settings from the environment: typed, and refused loudly when wrong."""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


def text(name: str, default: str) -> str:
    """Return the variable's text, or the default when it is not set."""
    return os.environ.get(name, default)


def required(name: str, remedy: str) -> str:
    """Return the variable's text; refuse with the remedy when it is missing or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {remedy}")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Return a yes or no; refuse any other word."""
    if name not in os.environ:
        return default
    word = os.environ[name].strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} is {word!r}. Write yes or no.")


def whole(name: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
    """Return a whole number between two bounds; refuse anything else."""
    word = os.environ.get(name, str(default)).strip()
    if not (word.isascii() and word.isdigit() and least <= int(word) <= most):
        raise ImproperlyConfigured(f"{name} is {word!r}. Write a whole number {least} to {most}.")
    return int(word)


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return a comma-separated list without empty entries."""
    if name not in os.environ:
        return list(default)
    return [word.strip() for word in os.environ[name].split(",") if word.strip()]
