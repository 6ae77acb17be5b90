"""A mapping is right, or it is refused with the name of what is wrong in it."""

from __future__ import annotations

import pytest

from gifting.domain import lifecycle
from integrations.domain import fields, mappings
from integrations.services import imports
from tests.factories import files

HEADER = files.OPPORTUNITIES_HEADER.strip().split(",")


def test_a_mapping_is_read_whole() -> None:
    mapping = mappings.read(files.SENDS, kind=fields.Kind.SENDS)

    assert (mapping.source, mapping.currency, mapping.time_zone) == ("sendoso", "USD", None)
    assert (mapping.decimal, mapping.thousands, mapping.delimiter) == (".", "", ",")
    assert mapping.date_formats == ("ISO",)
    assert mapping.constants == {"vendor": "sendoso"}
    assert mapping.states == {"On its way": lifecycle.State.SHIPPED}
    assert mapping.columns["item_amount"] == "item"


@pytest.mark.parametrize("name", ["maven_accounts", "maven_opportunities"])
def test_a_shipped_mapping_is_called_by_its_name(name: str) -> None:
    kind = fields.Kind(name.removeprefix("maven_").upper())

    mapping = mappings.read(imports.read_mapping(name), kind=kind)

    assert mapping.source == "maven"


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (("[columns]", "columns]"), None, "The mapping is not valid TOML: "),
        (
            ('kind = "opportunities"', 'kind = "sends"'),
            "kind",
            "The mapping must say kind = \"opportunities\" for this command, and says 'sends'.",
        ),
        (('"crm"', '""'), "source", "The mapping must name its source"),
        (('"USD"', '"usd"'), "currency", "The mapping's currency: 'usd' is not a currency code"),
        (("currency =", "curency ="), "curency", "The mapping has an unknown setting 'curency'. "),
        (
            ('owner = "owner"', 'ownr = "owner"'),
            "ownr",
            "The mapping has an unknown field in [columns]: 'ownr'. Did you mean 'owner'?",
        ),
        (
            ('stage = "stage"', ""),
            "stage",
            "The mapping does not say where stage stands. Add it to [columns] or [constants].",
        ),
        (
            ('closed_at = "closed"', ""),
            "closed_at",
            "The stage 'Lost' is an end, and the mapping does not say where closed_at stands.",
        ),
        (
            ('lost = ["Lost"]', 'lost = ["Won"]'),
            "Won",
            "The stage 'Won' stands under two outcomes in [stages].",
        ),
        (
            ('lost = ["Lost"]', 'closed = ["Lost"]'),
            "closed",
            "The mapping has an unknown outcome in [stages]: 'closed'. ",
        ),
        (
            ('"%Y-%m-%d"', '"%Y-%m"'),
            "date_formats",
            "The mapping's date format '%Y-%m' has no day, month and year.",
        ),
        (('"GTX Pro"', "7"), "GTXPro", "The mapping's GTXPro must be a text in quotes."),
    ],
)
def test_a_wrong_mapping_is_refused_by_name(
    change: tuple[str, str], field: str | None, message: str
) -> None:
    text = files.OPPORTUNITIES.replace(*change)

    with pytest.raises(mappings.MappingUnusable) as refusal:
        mappings.read(text, kind=fields.Kind.OPPORTUNITIES)

    assert refusal.value.field == field
    assert refusal.value.message.startswith(message)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('time_zone = "Mars/Olympus"', "time_zone"),
        ('decimal = "x"', "decimal"),
        ('decimal = ","\nthousands = ","', "thousands"),
        ('delimiter = "::"', "delimiter"),
        ('encoding = "utf-16"', "encoding"),
        ('empty = "-"', "empty"),
        ("date_formats = []", "date_formats"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(line: str, field: str) -> None:
    text = files.ACCOUNTS.replace("[columns]", f"{line}\n[columns]")

    with pytest.raises(mappings.MappingUnusable) as refusal:
        mappings.read(text, kind=fields.Kind.ACCOUNTS)

    assert refusal.value.field == field


def test_a_transform_that_is_not_known_is_refused_by_name() -> None:
    text = files.ACCOUNTS + '[transforms]\nname = ["uper"]\n'

    with pytest.raises(mappings.MappingUnusable) as refusal:
        mappings.read(text, kind=fields.Kind.ACCOUNTS)

    assert refusal.value.message == (
        "The mapping has an unknown transform of name: 'uper'. Did you mean 'upper'?"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (('cost_basis = "basis"', ""), "item_amount"),
        (('gift_price = "price"', ""), "gift"),
        (('recipient = "recipient"', ""), "recipient_email"),
        (('SHIPPED"', 'SENT"'), "On its way"),
        (('[constants]\nvendor = "sendoso"', ""), "vendor"),
        (
            ('offered_at = "sent"\ndelivered_at = "delivered"', ""),
            "status_at",
        ),
    ],
)
def test_a_mapping_of_sends_needs_what_a_send_needs(change: tuple[str, str], field: str) -> None:
    with pytest.raises(mappings.MappingUnusable) as refusal:
        mappings.read(files.SENDS.replace(*change), kind=fields.Kind.SENDS)

    assert refusal.value.field == field


def test_a_touch_needs_an_account_or_a_contact() -> None:
    text = files.TOUCHES.replace('account = "account"\ncontact = "contact"', "")

    with pytest.raises(mappings.MappingUnusable) as refusal:
        mappings.read(text, kind=fields.Kind.TOUCHES)

    assert refusal.value.field == "account"


def test_columns_are_found_by_their_literal_names() -> None:
    mapping = mappings.read(files.OPPORTUNITIES, kind=fields.Kind.OPPORTUNITIES)

    assert mappings.bind(mapping, HEADER)["amount"] == 5


def test_a_column_named_twice_is_refused() -> None:
    mapping = mappings.read(files.OPPORTUNITIES, kind=fields.Kind.OPPORTUNITIES)

    with pytest.raises(mappings.ColumnMissing) as refusal:
        mappings.bind(mapping, [*HEADER, "stage"])

    assert refusal.value.message == (
        "The file has 2 columns 'stage', so that stage is not clear. Give each its own name in "
        "the header."
    )


def test_a_file_cut_by_semicolons_is_told_apart() -> None:
    mapping = mappings.read(files.OPPORTUNITIES, kind=fields.Kind.OPPORTUNITIES)

    with pytest.raises(mappings.ColumnMissing) as refusal:
        mappings.bind(mapping, [";".join(HEADER)])

    assert "Its header is cut by ';': write delimiter = ';' in the mapping." in (
        refusal.value.message
    )


def test_a_mapping_that_is_not_there_names_the_shipped_ones() -> None:
    with pytest.raises(mappings.MappingUnusable) as refusal:
        imports.read_mapping("/nowhere/at/all.toml")

    assert refusal.value.message == (
        "The mapping /nowhere/at/all.toml cannot be read: No such file or directory. Give the "
        "path of a TOML file or one of maven_accounts, maven_opportunities."
    )
