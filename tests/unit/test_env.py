"""Settings from the environment are typed, and refused loudly when wrong."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

NAME = "TRIBUTE_UNDER_TEST"


@pytest.mark.parametrize("word", ["1", "true", "YES", " on "])
def test_a_yes_is_true(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, word)

    assert env.flag(NAME, default=False) is True


@pytest.mark.parametrize("word", ["0", "False", "no", "off", ""])
def test_a_no_is_false(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, word)

    assert env.flag(NAME, default=True) is False


@pytest.mark.parametrize("default", [True, False])
def test_an_unset_flag_is_its_default(default: bool) -> None:  # noqa: FBT001 - a table's column
    assert env.flag(NAME, default=default) is default


def test_a_flag_that_says_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "maybe")

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.flag(NAME, default=False)

    assert str(refusal.value) == "TRIBUTE_UNDER_TEST is 'maybe'. Write yes or no."


def test_a_whole_number_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " 12 ")

    assert env.whole(NAME, 5, least=1, most=12) == 12


@pytest.mark.parametrize("word", ["", "0", "13", "-3", "1.5", "1_0", "\uff11\uff10", "ten"])
def test_a_number_outside_or_unreadable_is_refused(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, word)

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.whole(NAME, 5, least=1, most=12)

    assert str(refusal.value) == (
        f"TRIBUTE_UNDER_TEST is {word.strip()!r}. Write a whole number 1 to 12."
    )


def test_a_choice_outside_the_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "purple")

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.choice(NAME, "red", ("red", "blue"))

    assert str(refusal.value) == "TRIBUTE_UNDER_TEST is 'purple'. Write one of: red, blue."


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.example", ["a.example"]), (" a , ,b,", ["a", "b"]), ("", []), (" , ", [])],
)
def test_a_list_has_no_empty_entries(
    text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, text)

    assert env.words(NAME, ("default",)) == expected


def test_an_unset_list_is_its_default() -> None:
    assert env.words(NAME, ("a", "b")) == ["a", "b"]


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_requirement_names_its_remedy(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv(NAME, value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.required(NAME, "Write a secret.")

    assert str(refusal.value) == "TRIBUTE_UNDER_TEST is not set. Write a secret."


def test_a_misspelt_variable_is_refused_with_the_near_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(env, "_asked_for", {"SHOP_PRODUCTION"})
    monkeypatch.setenv("SHOP_PRODUCTON", "yes")

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.refuse_unknown("SHOP_")

    assert str(refusal.value) == (
        "SHOP_PRODUCTON is not a setting of this program. Did you mean SHOP_PRODUCTION?"
    )


def test_variables_that_were_asked_for_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "_asked_for", set())
    monkeypatch.setenv("SHOP_COLOR", "red")

    color = env.text("SHOP_COLOR", "blue")
    env.refuse_unknown("SHOP_")

    assert color == "red"
