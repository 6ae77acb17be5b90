"""Bulk API 2.0 query jobs: states that move while one asks, pages by locator, one version a job."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulators import messages
from tests.simulators.salesforce import queries, store, wire

PAGE: Final = 50_000


@dataclass(slots=True)
class Job:
    """One query job."""

    id: str
    operation: str
    query: str
    version: str
    state: str = "UploadComplete"
    polls: int = 0
    result: queries.Result | None = None
    error: str = ""
    locators: dict[str, int] = field(default_factory=dict)


class Bulk:
    """The jobs of the org. A job is done after `polls_needed` looks at it."""

    def __init__(self, records: store.Store, *, polls_needed: int = 1) -> None:
        self.polls_needed = polls_needed
        self.is_enabled = True
        self.page_rows = PAGE
        self._records = records
        self._jobs: dict[str, Job] = {}
        self._numbers = itertools.count(1)
        self._failing: list[str] = []
        self._lock = threading.Lock()

    def fail_next(self, message: str) -> None:
        """Let the next job end as Failed."""
        self._failing.append(message)

    def answer(
        self, request: messages.Request, version: str, rest: list[str], hidden: frozenset[str]
    ) -> messages.Response:
        """Answer `/jobs/query...`; `rest` is what follows."""
        if not self.is_enabled:
            return wire.error(403, "API_DISABLED_FOR_ORG", "Bulk API is not enabled")
        if not rest and request.method == "POST":
            return self._create(request.json(), version, hidden)
        with self._lock:
            job = self._jobs.get(rest[0]) if rest else None
        if job is None:
            return wire.error(404, "NOT_FOUND", "The requested resource does not exist")
        if job.version != version:
            return wire.error(409, "API_ERROR", f"The job was created with version {job.version}")
        if len(rest) > 1:
            return self._results(job, request)
        if request.method == "PATCH":
            job.state = "Aborted"
        elif request.method == "DELETE":
            del self._jobs[job.id]
            return messages.Response(status=204)
        elif job.state in ("UploadComplete", "InProgress"):
            self._move(job, hidden)
        return messages.reply(_describe(job))

    def _create(
        self, asked: dict[str, Any], version: str, hidden: frozenset[str]
    ) -> messages.Response:
        try:
            queries.run(self._records, f"{asked['query']}", with_deleted=False, hidden=hidden)
        except queries.Refused as refused:
            return refused.response
        number = store.record_id("750", next(self._numbers))
        job = Job(number, asked.get("operation", "query"), asked["query"], version)
        with self._lock:
            self._jobs[job.id] = job
        return messages.reply(_describe(job))

    def _move(self, job: Job, hidden: frozenset[str]) -> None:
        job.polls += 1
        job.state = "InProgress"
        if job.polls < self.polls_needed:
            return
        if self._failing:
            job.state, job.error = "Failed", self._failing.pop(0)
            return
        with_deleted = job.operation == "queryAll"
        job.result = queries.run(self._records, job.query, with_deleted=with_deleted, hidden=hidden)
        job.state = "JobComplete"

    def _results(self, job: Job, request: messages.Request) -> messages.Response:
        if job.result is None:
            return wire.error(400, "INVALIDJOBSTATE", f"The job is {job.state}")
        locator = request.parameter("locator")
        start = job.locators.get(locator) if locator else 0
        if start is None:
            return wire.error(400, "INVALID_LOCATOR", "The locator is unknown")
        count = min(int(request.parameter("maxRecords", str(self.page_rows))), self.page_rows)
        rows = job.result.rows[start : start + count]
        following = "null"
        if start + count < len(job.result.rows):
            following = f"MTAw{start + count}"
            job.locators[following] = start + count
        return messages.Response(
            body=wire.csv_page(job.result.fields, rows),
            content_type="text/csv",
            headers={"Sforce-Locator": following, "Sforce-NumberOfRecords": str(len(rows))},
        )


def _describe(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "operation": job.operation,
        "state": job.state,
        "apiVersion": float(job.version),
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
        "numberRecordsProcessed": len(job.result.rows) if job.result else 0,
        "errorMessage": job.error or None,
        "concurrencyMode": "Parallel",
    }
