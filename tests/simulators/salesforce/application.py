"""The simulated org's API: who may ask, what is asked for, and what it costs of the daily quota."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.simulators import clock, messages
from tests.simulators.salesforce import bulk, login, queries, schema, store, wire, writes

MAX_PAGE: Final = 2000
MIN_PAGE: Final = 200
DELETED_DAYS: Final = 15
_DATA: Final = re.compile(r"^/services/data/v(\d+\.\d)(?:/(.*))?$")
_DAY: Final = dt.timedelta(days=1)


class Application:
    """One Salesforce org."""

    def __init__(
        self,
        *,
        app: login.App | None = None,
        time: clock.Clock | None = None,
        daily_limit: int = 100_000,
        bulk_polls: int = 1,
    ) -> None:
        self.clock = time or clock.Clock()
        self.store = store.Store(self.clock)
        self.sessions = login.Sessions(app or login.App(), self.clock)
        self.bulk = bulk.Bulk(self.store, polls_needed=bulk_polls)
        self.writes = writes.Writes(self.store)
        self.daily_limit = daily_limit
        self.hidden: frozenset[str] = frozenset()
        self._calls: deque[dt.datetime] = deque()
        self._locators: dict[str, tuple[str, queries.Result]] = {}
        self._numbers = itertools.count(1)
        actions: dict[str, Callable[..., Any]] = {
            "create": self.store.create,
            "update": self.store.update,
            "delete": self.store.delete,
            "undelete": self.store.undelete,
            "purge": self.store.purge,
            "merge": self.store.merge,
            "convert": self.store.convert,
            "hide": self.store.hide,
            "end_sessions": self.sessions.end_all,
            "revoke": self.sessions.revoke,
            "show": self.store.get,
        }
        self._actions = actions

    def act(self, name: str, values: Mapping[str, Any]) -> object:
        """Do what a test in another process asks for."""
        return self._actions[name](**values)

    def answer(self, request: messages.Request) -> messages.Response:
        if request.path == "/services/oauth2/authorize":
            return self.sessions.authorize(request)
        if request.path == "/services/oauth2/token" and request.method == "POST":
            return self.sessions.token(request)
        if not self.sessions.is_open(request.bearer):
            return wire.error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        found = _DATA.match(request.path)
        if found is None:
            return wire.error(404, "NOT_FOUND", "The requested resource does not exist")
        if not self._count_call():
            return wire.error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        version, rest = found[1], [part for part in (found[2] or "").split("/") if part]
        try:
            response = self._route(request, version, rest)
        except queries.Refused as refused:
            response = refused.response
        except store.Missing:
            response = wire.error(404, "NOT_FOUND", "The requested resource does not exist")
        used = f"api-usage={len(self._calls)}/{self.daily_limit}"
        headers = {**response.headers, "Sforce-Limit-Info": used}
        return messages.Response(response.status, response.body, response.content_type, headers)

    def _count_call(self) -> bool:
        now = self.clock.now()
        while self._calls and now - self._calls[0] > _DAY:
            self._calls.popleft()
        if len(self._calls) >= self.daily_limit:
            return False
        self._calls.append(now)
        return True

    def _route(self, request: messages.Request, version: str, rest: list[str]) -> messages.Response:
        match rest:
            case ["query" | "queryAll" as name]:
                return self._query(request, version, with_deleted=name == "queryAll")
            case ["query" | "queryAll", locator]:
                return self._next_page(request, version, locator)
            case ["jobs", "query", *more]:
                return self.bulk.answer(request, version, more, self.hidden)
            case ["limits"]:
                left = self.daily_limit - len(self._calls)
                daily = {"Max": self.daily_limit, "Remaining": left}
                return messages.reply({"DailyApiRequests": daily})
            case ["limits", "recordCount"]:
                return self._record_counts(request)
            case ["composite", "sobjects", *more]:
                return self.writes.collection(request, more)
            case ["sobjects", *more]:
                return self._objects(request, version, more)
        return wire.error(404, "NOT_FOUND", "The requested resource does not exist")

    def _objects(
        self, request: messages.Request, version: str, rest: list[str]
    ) -> messages.Response:
        if not rest:
            names = [name for name in schema.OBJECTS if name not in self.hidden]
            return messages.reply({"sobjects": [{"name": name} for name in names]})
        name, *more = rest
        if name not in schema.OBJECTS or name in self.hidden:
            return wire.error(404, "NOT_FOUND", "The requested resource does not exist")
        match request.method, more:
            case "GET", ["describe"]:
                return messages.reply(schema.describe(name, hidden=self._hidden_fields(name)))
            case "GET", ["deleted"]:
                return self._deleted(request, name)
            case "GET", ["updated"]:
                return self._updated(request, name)
            case "GET", [of]:
                fields = tuple(schema.OBJECTS[name].fields)
                row = self.store.get(name, of)
                return messages.reply(wire.json_record(name, row, fields, version))
            case _:
                return self.writes.single(request, name, more)

    def _hidden_fields(self, name: str) -> frozenset[str]:
        start = f"{name}."
        return frozenset(each.removeprefix(start) for each in self.hidden if each.startswith(start))

    def _query(
        self, request: messages.Request, version: str, *, with_deleted: bool
    ) -> messages.Response:
        result = queries.run(
            self.store, request.parameter("q"), with_deleted=with_deleted, hidden=self.hidden
        )
        if result.is_count:
            return messages.reply({"totalSize": len(result.rows), "done": True, "records": []})
        locator = f"01g{next(self._numbers):012d}AAA"
        self._locators[locator] = (request.bearer, result)
        return self._page(request, version, locator, 0)

    def _next_page(self, request: messages.Request, version: str, place: str) -> messages.Response:
        locator, _, start = place.partition("-")
        holder, _ = self._locators.get(locator, ("", None))
        if holder != request.bearer or not start.isdigit():
            return wire.error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(request, version, locator, int(start))

    def _page(
        self, request: messages.Request, version: str, locator: str, start: int
    ) -> messages.Response:
        _, result = self._locators[locator]
        end = start + _page_rows(request)
        rows = result.rows[start:end]
        is_done = end >= len(result.rows)
        page: dict[str, Any] = {"totalSize": len(result.rows), "done": is_done}
        if not is_done:
            page["nextRecordsUrl"] = f"/services/data/v{version}/query/{locator}-{end}"
        page["records"] = [
            wire.json_record(result.object_name, row, result.fields, version) for row in rows
        ]
        return messages.reply(page)

    def _record_counts(self, request: messages.Request) -> messages.Response:
        names = request.parameter("sObjects").split(",")
        counts = [
            {"name": name, "count": len(self.store.rows[name])}
            for name in names
            if name in self.store.rows
        ]
        return messages.reply({"sObjects": counts})

    def _deleted(self, request: messages.Request, name: str) -> messages.Response:
        start, end = (_moment(request.parameter(each)) for each in ("start", "end"))
        earliest = self.store.now() - dt.timedelta(days=DELETED_DAYS)
        if start < earliest:
            return wire.error(400, "INVALID_REPLICATION_DATE", "startDate before org's limit")
        found = [
            {"id": of, "deletedDate": wire.json_value(moment)}
            for of, moment in self.store.deleted[name]
            if start <= moment <= end
        ]
        return messages.reply(
            {
                "deletedRecords": found,
                "earliestDateAvailable": wire.json_value(earliest),
                "latestDateCovered": wire.json_value(min(end, self.store.now())),
            }
        )

    def _updated(self, request: messages.Request, name: str) -> messages.Response:
        start, end = (_moment(request.parameter(each)) for each in ("start", "end"))
        with self.store.lock:
            ids = [
                row["Id"]
                for row in self.store.visible(name, with_deleted=False)
                if start <= row["SystemModstamp"] <= end
            ]
        covered = wire.json_value(min(end, self.store.now()))
        return messages.reply({"ids": ids, "latestDateCovered": covered})


def _page_rows(request: messages.Request) -> int:
    found = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
    return min(max(int(found[1]), MIN_PAGE), MAX_PAGE) if found else MAX_PAGE


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace(" ", "+"))
