"""Whatever a file holds: no row is lost, twice is once, and the books equal a plain re-telling."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from attribution.models import Opportunity, StageChange
from gifting.services import tenancy
from integrations.domain import fields
from integrations.services import imports
from tests.factories import files, organizations
from tests.properties import import_oracle

pytestmark = pytest.mark.django_db

KIND = fields.Kind.OPPORTUNITIES
FUNCTION_SCOPED = [
    hypothesis.HealthCheck.function_scoped_fixture,
    hypothesis.HealthCheck.too_slow,
    hypothesis.HealthCheck.data_too_large,
]

# A bare carriage return ends a line unless it is quoted, which the writer does not do.
odd_texts = st.sampled_from(
    [
        "",
        " ",
        "x",
        "Acme",
        '"',
        'say "hi"',
        "a,b",
        "a\nb",
        "a\tb",
        "\\N",
        "\\.",
        "=1+1",
        "é",
        "x" * 256,
    ]
) | st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x1c\x1d\x1e\x1f\x85"), max_size=8)
Dialect = tuple[Literal[0, 1, 2], str, str, str]
ids = st.sampled_from(["A", "B", "C", "D", " E ", ""])
stages = st.sampled_from(["Prospecting", "Engaging", "Won", "Lost", "Won", "wonn", ""])
days = st.sampled_from(
    ["", "2024-02-29", "2023-02-29", "2024-03-01", "2024-12-31", "1969-12-31", "31.12.2024", "x"]
)
amounts = st.sampled_from(
    ["", "0", "7", "7.5", "7.50", "7.500", "7.505", "1e3", "-1", "NaN", "1,0", "9" * 30]
) | st.decimals(0, 10**12, places=2).map(str)
rows = st.tuples(ids, odd_texts, stages, days, days, amounts, odd_texts, odd_texts) | st.lists(
    odd_texts, min_size=2, max_size=10
).map(tuple)
tables = st.lists(rows, max_size=12)
dialects = st.tuples(
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@hypothesis.given(first=tables, second=tables, dialect=dialects)
@hypothesis.settings(max_examples=40, suppress_health_check=FUNCTION_SCOPED)
def test_the_books_equal_a_plain_retelling(
    first: list[tuple[str, ...]], second: list[tuple[str, ...]], dialect: Dialect
) -> None:
    oracle = import_oracle.Oracle()

    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        for told in (first, second, second):
            expected = oracle.take(told)
            report = _import(_written(told, dialect), dialect[2], Path(folder))

            assert _counts(report) == expected
            assert report.read == sum(expected.values()) == len(told)
            assert report.won_revenue is not None
            assert report.won_revenue.amount_minor == oracle.won_minor(_taken(told))
        assert _stored() == oracle.stored
        assert _stage_changes() == oracle.stage_changes
        transaction.set_rollback(True)


@hypothesis.given(told=tables, dialect=dialects)
@hypothesis.settings(max_examples=30, suppress_health_check=FUNCTION_SCOPED)
def test_a_second_import_changes_nothing(told: list[tuple[str, ...]], dialect: Dialect) -> None:
    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        content = _written(told, dialect)
        first = _import(content, dialect[2], Path(folder))
        before = list(Opportunity.objects.order_by("id").values())

        second = _import(content, dialect[2], Path(folder))

        assert (second.new, second.changed) == (0, 0)
        assert second.unchanged == first.new + first.unchanged
        assert second.rejections == first.rejections
        assert list(Opportunity.objects.order_by("id").values()) == before
        transaction.set_rollback(True)


@hypothesis.given(
    noise=st.binary(max_size=400)
    | st.lists(
        st.sampled_from(
            [
                b'"',
                b",",
                b"\n",
                b"\r",
                b"\0",
                b"\xff",
                b"\xc3",
                b"Won",
                b"2024-01-01",
                b"A",
                b"\xef\xbb\xbf",
            ]
        ),
        max_size=80,
    ).map(b"".join)
)
@hypothesis.settings(max_examples=40, suppress_health_check=FUNCTION_SCOPED)
def test_noise_is_rejected_row_by_row_and_the_good_row_before_it_stays(noise: bytes) -> None:
    good = b"G,Acme,Won,2024-01-10,2024-03-31,1,Maya,x\n"

    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        report = _import(files.OPPORTUNITIES_HEADER.encode() + good + noise, ",", Path(folder))

        assert report.read == report.new + report.changed + report.unchanged + report.rejected
        assert report.new == Opportunity.objects.count() >= 1
        assert len({row.line for row in report.rejections}) == report.rejected
        assert Opportunity.objects.get(external_id="G").amount_minor == 1_00
        transaction.set_rollback(True)


def _written(told: list[tuple[str, ...]], dialect: Dialect) -> bytes:
    quoting, newline, delimiter, encoding = dialect
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator=newline, delimiter=delimiter)
    writer.writerow(files.OPPORTUNITIES_HEADER.strip().split(","))
    writer.writerows(told)
    return text.getvalue().encode(encoding)


def _import(content: bytes, delimiter: str, folder: Path) -> imports.Report:
    mapping = files.OPPORTUNITIES.replace(
        "[columns]", f'delimiter = "{delimiter}"\n[columns]'.replace("\t", "\\t"), 1
    )
    return files.import_bytes(KIND, content, mapping=mapping, folder=folder)


def _counts(report: imports.Report) -> dict[str, int]:
    new, changed, unchanged, rejected = files.counts(report)
    return {"new": new, "changed": changed, "unchanged": unchanged, "rejected": rejected}


def _taken(told: list[tuple[str, ...]]) -> set[str]:
    alone = import_oracle.Oracle()
    alone.take(told)
    return set(alone.stored)


def _stored() -> dict[str, import_oracle.Stored]:
    return {
        deal.external_id: import_oracle.Stored(
            account=deal.account.external_id if deal.account else "",
            stage=deal.stage,
            status=deal.status,
            opened_at=deal.opened_at,
            closed_at=deal.closed_at,
            amount_minor=deal.amount_minor,
            owner=deal.owner_reference,
            product=deal.product,
        )
        for deal in Opportunity.objects.select_related("account")
    }


def _stage_changes() -> dict[str, int]:
    changes: dict[str, int] = {}
    for key in StageChange.objects.values_list("opportunity__external_id", flat=True):
        changes[key] = changes.get(key, 0) + 1
    return changes
