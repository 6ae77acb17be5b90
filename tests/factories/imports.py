"""Import runs and their quarantine, in the organization the test has entered."""

from __future__ import annotations

from integrations import models
from tests.factories import organizations


def make_import_run(
    *, file_name: str = "opportunities.csv", rejected_count: int = 1
) -> models.ImportRun:
    return models.ImportRun.objects.create(
        organization_id=organizations.here(),
        kind="OPPORTUNITIES",
        file_name=file_name,
        file_sha256="0" * 64,
        mapping="",
        read_count=10 + rejected_count,
        new_count=10,
        changed_count=0,
        unchanged_count=0,
        rejected_count=rejected_count,
        started_at=organizations.NOON,
        finished_at=organizations.NOON,
    )


def make_quarantined_row(
    *, run: models.ImportRun | None = None, line: int = 2
) -> models.QuarantinedRow:
    return models.QuarantinedRow.objects.create(
        organization_id=organizations.here(),
        run=run or make_import_run(),
        line=line,
        column="close_value",
        reason="'abc' is not an amount of USD.",
        content="Won,abc",
    )
