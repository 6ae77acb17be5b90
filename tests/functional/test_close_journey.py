"""A month is posted, told, tied out, closed and restated, by people, machines and commands."""

from __future__ import annotations

import base64
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from gifting import models
from gifting.services import tenancy
from tests.factories import closes as factory
from tests.factories import ledger, organizations
from tests.functional import api

pytestmark = pytest.mark.django_db

PREPARE = """mutation ($input: PrepareCloseInput!) { prepareClose(input: $input) {
    preparationId checks { item isMet openCount } userErrors { code } } }"""
WAIVE = """mutation ($input: WaiveCloseItemInput!) { waiveCloseItem(input: $input) {
    item userErrors { code } } }"""
CLOSE = """mutation ($input: ClosePeriodInput!) { closePeriod(input: $input) {
    periodClose { id version lineCount sha256 fiscalPeriod { name } } userErrors { code } } }"""
REOPEN = """mutation ($input: ReopenPeriodInput!) { reopenPeriod(input: $input) {
    fiscalPeriod { name } userErrors { code } } }"""
RECONCILE = """mutation ($input: ReconcilePeriodInput!) { reconcilePeriod(input: $input) {
    run { unexplained { amountMinor } isClear causes { id cause amountMinor isExplained } }
    userErrors { code } } }"""
EXPLAIN = """mutation ($input: ExplainDifferenceInput!) { explainDifference(input: $input) {
    isExplained userErrors { code } } }"""
VOID = """mutation ($input: VoidJournalBatchInput!) { voidJournalBatch(input: $input) {
    journalBatch { reference voidedAt } userErrors { code } } }"""
CREATE = """mutation ($input: CreateJournalBatchInput!) { createJournalBatch(input: $input) {
    journalBatch { id reference total { amount } } reversal { reference } userErrors { code } } }"""
LOG = """{ restatements { totalCount edges { node { cause amount { amount } spendChange { amount }
    effectiveOn belongsTo { name } postedTo { name } } } } }"""
FILES = """query ($batch: ID!) { journalFiles(journalBatchId: $batch, writtenAs: XERO) {
    name sha256 content } }"""
BATCHES = """{ journalBatches { edges { node { id reference kind isVoided: voidedAt } } } }"""
DIFFERENCES = """query ($before: ID!, $after: ID!) {
    closingDifferences(beforeId: $before, afterId: $after) {
        what before { amount } after { amount } } }"""


def test_a_month_from_the_first_gift_to_its_restatement(tmp_path: Path) -> None:
    cast = organizations.make_cast()
    femi, ana = api.of_person(cast.femi), api.of_person(cast.ana)
    slug = cast.organization.slug
    with tenancy.organization(cast.organization.id):
        factory.make_chart()
        budget = ledger.make_budget(100_00)
        factory.fact(budget, 12_00, "S-1")
        march, april = factory.period(), factory.period(factory.NEXT_DAY)
    period = _id("FiscalPeriod", march.public_id)

    first = _ask(femi, PREPARE, fiscalPeriodId=period, idempotencyKey="prepare-1")
    exported = _command("export_journal", slug, march.name, "--format", "xero", "--out", tmp_path)
    gl = tmp_path / "gl.csv"
    gl.write_text(
        f"{factory.HEADER}\n{factory.DAY},6420,12.00,USD,TRB-000001,\n"
        f"{factory.DAY},6420,1.00,USD,stamps,\n"
    )
    imported = _command("import_gl", slug, march.name, "--file", gl)
    again = _command("import_gl", slug, march.name, "--file", gl)
    tied = _ask(femi, RECONCILE, fiscalPeriodId=period, currency="USD", idempotencyKey="tie-out-1")[
        "run"
    ]
    second = _ask(femi, PREPARE, fiscalPeriodId=period, idempotencyKey="prepare-2")
    by_preparer = femi.ask(
        WAIVE,
        {
            "input": {
                "preparationId": second["preparationId"],
                "item": "TIE_OUT",
                "reason": "I know",
                "idempotencyKey": "waive-1",
            }
        },
    )
    (stamps,) = tied["causes"]
    _ask(
        femi,
        EXPLAIN,
        differenceId=stamps["id"],
        cause="IN_GL_NOT_OURS",
        note="Stamps are no gifts",
        idempotencyKey="explain-1",
    )
    clear = _ask(
        femi, RECONCILE, fiscalPeriodId=period, currency="USD", idempotencyKey="tie-out-2"
    )["run"]
    third = _ask(femi, PREPARE, fiscalPeriodId=period, idempotencyKey="prepare-3")
    closed = _ask(
        ana,
        CLOSE,
        preparationId=third["preparationId"],
        reason="March is done",
        idempotencyKey="close-1",
    )["periodClose"]

    assert _open(first) == {"JOURNALS", "TIE_OUT"}
    assert [file["items"] for file in exported["files"]] == [1]
    assert (imported["lines"], imported["is_new"], again["is_new"]) == (2, True, False)
    assert (tied["unexplained"]["amountMinor"], tied["isClear"]) == (100, False)
    assert _open(second) == {"TIE_OUT"}
    assert by_preparer.error["extensions"]["code"] == "PREPARER_MAY_NOT_SIGN"
    assert (clear["unexplained"]["amountMinor"], clear["isClear"]) == (0, True)
    assert _open(third) == set()
    assert (closed["version"], closed["fiscalPeriod"]["name"]) == (1, march.name)

    with tenancy.organization(cast.organization.id):
        factory.fact(budget, 3_00, "S-late")
    log = femi.ask(LOG).body["data"]["restatements"]
    assert log["totalCount"] == 1
    assert log["edges"][0]["node"] == {
        "cause": "FACT",
        "amount": {"amount": "3.00"},
        "spendChange": {"amount": "3.00"},
        "effectiveOn": str(factory.DAY),
        "belongsTo": {"name": march.name},
        "postedTo": {"name": april.name},
    }

    _ask(ana, REOPEN, fiscalPeriodId=period, reason="An invoice of March")
    with tenancy.organization(cast.organization.id):
        factory.fact(budget, 5_00, "S-2")
    fourth = _ask(femi, PREPARE, fiscalPeriodId=period, idempotencyKey="prepare-4")
    for item in _open(fourth):
        _ask(
            ana,
            WAIVE,
            preparationId=fourth["preparationId"],
            item=item,
            reason="The auditor knows",
            idempotencyKey=f"waive-{item}",
        )
    reclosed = _ask(
        ana,
        CLOSE,
        preparationId=fourth["preparationId"],
        reason="March is done again",
        idempotencyKey="close-2",
    )["periodClose"]
    told = ana.ask(DIFFERENCES, {"before": closed["id"], "after": reclosed["id"]}).body["data"]
    assert reclosed["version"] == 2
    (changed,) = told["closingDifferences"]
    assert (changed["before"], changed["after"]) == ({"amount": "12.00"}, {"amount": "17.00"})

    _same_bytes_are_downloaded(femi, tmp_path, exported["files"][0]["sha256"])


def _same_bytes_are_downloaded(who: api.Api, folder: Path, sha256: str) -> None:
    answer = who.ask(BATCHES).body["data"]["journalBatches"]["edges"]
    (batch,) = [edge["node"] for edge in answer]
    (file,) = who.ask(FILES, {"batch": batch["id"]}).body["data"]["journalFiles"]
    assert file["content"].encode() == (folder / file["name"]).read_bytes()
    assert file["sha256"] == sha256


def test_a_batch_is_made_voided_and_downloaded_by_those_who_close() -> None:
    cast = organizations.make_cast()
    femi, maya = api.of_person(cast.femi), api.of_person(cast.maya)
    with tenancy.organization(cast.organization.id):
        factory.make_chart()
        ledger.record_fact(ledger.make_budget(), 7_00)
        period = _id("FiscalPeriod", factory.period().public_id)
    wanted = {"fiscalPeriodId": period, "kind": "SPEND", "currency": "USD"}

    made = _ask(femi, CREATE, **wanted, idempotencyKey="batch-1")
    same = _ask(femi, CREATE, **wanted, idempotencyKey="batch-1")
    nothing = femi.ask(CREATE, {"input": {**wanted, "idempotencyKey": "batch-2"}})
    denied = maya.ask(CREATE, {"input": {**wanted, "idempotencyKey": "batch-3"}})
    voided = _ask(
        femi,
        VOID,
        journalBatchId=made["journalBatch"]["id"],
        reason="Wrong account",
        idempotencyKey="void-1",
    )

    assert made == same
    assert made["journalBatch"]["total"] == {"amount": "7.00"}
    assert [each["code"] for each in _errors(nothing, "createJournalBatch")] == [
        "NOTHING_TO_EXPORT"
    ]
    assert denied.error["extensions"]["code"] == "FORBIDDEN"
    assert voided["journalBatch"]["voidedAt"] is not None
    with tenancy.organization(cast.organization.id):
        assert models.JournalBatch.objects.count() == 1


def test_the_screens_show_the_checklist_the_causes_and_the_file() -> None:
    cast = organizations.make_cast()
    client = Client()
    client.force_login(cast.femi)
    with tenancy.organization(cast.organization.id):
        file = factory.make_journal_file()
        run = models.ReconciliationRun.objects.get(pk=_run(file))
        preparation = factory.prepare()

    pages = [
        client.get(f"/admin/gifting/{name}/{pk}/change/").content.decode()
        for name, pk in (
            ("closepreparation", preparation.pk),
            ("reconciliationrun", run.pk),
            ("journalfile", file.pk),
        )
    ]

    assert "TIE_OUT" in pages[0]
    assert "IN_GL_NOT_OURS" in pages[1]
    assert f'download="{file.name}"' in pages[2]


def test_commands_refuse_what_is_not_there(tmp_path: Path) -> None:
    cast = organizations.make_cast()
    slug = cast.organization.slug

    with pytest.raises(CommandError, match="There is no fiscal period"):
        _command("export_journal", slug, "FY1999 P01", "--format", "csv", "--out", tmp_path)
    with pytest.raises(CommandError, match="cannot be read"):
        _command("import_gl", slug, "FY1999 P01", "--file", tmp_path / "none.csv")

    assert list(tmp_path.iterdir()) == []


def _run(file: models.JournalFile) -> int:
    """Tie out the month of a file that tells of 5.00, with stamps of 1.00 besides."""
    assert file.name
    factory.import_lines(
        f"{factory.DAY},6420,5.00,USD,TRB-000001,", f"{factory.DAY},6420,1.00,USD,stamps,"
    )
    return factory.reconcile().pk


def _ask(who: api.Api, mutation: str, **given: Any) -> dict[str, Any]:
    """Return the payload of a mutation that is not refused."""
    reply = who.ask(mutation, {"input": given})
    assert "errors" not in reply.body, reply.body
    (payload,) = reply.body["data"].values()
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload
    return found


def _errors(reply: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reply.body["data"][name]["userErrors"]
    return found


def _open(prepared: dict[str, Any]) -> set[str]:
    return {check["item"] for check in prepared["checks"] if not check["isMet"]}


def _command(name: str, slug: str, period: str, *options: object) -> dict[str, Any]:
    written = StringIO()
    call_command(
        name,
        "--organization",
        slug,
        "--period",
        period,
        *map(str, options),
        "--json",
        stdout=written,
    )
    found: dict[str, Any] = json.loads(written.getvalue())
    return found


def _id(kind: str, public_id: object) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()
