"""The simulated portal's API, on numbered and on date-based paths alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.simulators import clock, messages
from tests.simulators.hubspot import limits as policies
from tests.simulators.hubspot import login, objects, schema, store, wire

MAX_ASSOCIATION_INPUTS: Final = 1000
LINKS_PAGE: Final = 500
PORTAL: Final = 62515

_FAMILIES: Final = "objects|associations|owners|pipelines|properties|schemas"
_NUMBERED: Final = re.compile(rf"^/crm/v[34]/({_FAMILIES})(?:/(.*))?$")
_DATED: Final = re.compile(rf"^/crm/({_FAMILIES})/\d{{4}}-\d\d(?:/(.*))?$")


class Application:
    """One HubSpot portal."""

    def __init__(
        self,
        *,
        app: login.App | None = None,
        time: clock.Clock | None = None,
        limits: policies.Limits | None = None,
        index_lag_seconds: float = 0.0,
    ) -> None:
        self.clock = time or clock.Clock()
        self.store = store.Store(self.clock, index_lag_seconds=index_lag_seconds)
        self.tokens = login.Tokens(app or login.App(), self.clock)
        self.objects = objects.Objects(self.store)
        self.limits = limits or policies.Limits(self.clock)
        actions: dict[str, Callable[..., Any]] = {
            "create": self.store.create,
            "update": self.store.update,
            "archive": self.store.archive,
            "restore": self.store.restore,
            "purge": self.store.purge,
            "merge": self.store.merge,
            "link": self.store.link,
            "unlink": self.store.unlink,
            "end_sessions": self.tokens.end_all,
            "revoke": self.tokens.revoke,
        }
        self._actions = actions

    def act(self, name: str, values: Mapping[str, Any]) -> object:
        """Do what a test in another process asks for."""
        return self._actions[name](**values)

    def answer(self, request: messages.Request) -> messages.Response:
        if re.fullmatch(r"/oauth/(v\d|\d{4}-\d\d)/token", request.path):
            return self.tokens.token(request)
        refused = self.tokens.refusal(request.bearer)
        if refused is not None:
            return refused
        is_search = request.path.endswith("/search")
        refused = self.limits.refusal(is_search=is_search)
        if refused is not None:
            return refused
        try:
            response = self._route(request)
        except store.Missing:
            response = wire.missing()
        if response.status == 403:
            return response
        headers = {**response.headers, **self.limits.headers(is_search=is_search)}
        return messages.Response(response.status, response.body, response.content_type, headers)

    def _route(self, request: messages.Request) -> messages.Response:
        if re.fullmatch(r"/account-info/(v3|\d{4}-\d\d)/details", request.path):
            return messages.reply(
                {"portalId": PORTAL, "companyCurrency": "USD", "timeZone": "US/Eastern"}
            )
        found = _NUMBERED.match(request.path) or _DATED.match(request.path)
        if found is None:
            return wire.missing()
        family, rest = found[1], [part for part in (found[2] or "").split("/") if part]
        if family == "owners":
            return self._guarded("owners", lambda: self._owners(request))
        if family == "schemas":
            return messages.reply({"results": [{"name": "tribute_gifts", "objectTypeId": "2-1"}]})
        if not rest or (kind := schema.plural(rest[0])) is None:
            return wire.missing()
        if family == "pipelines":
            return messages.reply({"results": list(schema.PIPELINES)})
        if family == "properties":
            return messages.reply({"results": _properties(kind)})
        if family == "associations":
            return self._associations(request, kind, rest[1:])
        if "associations" in rest and request.method == "PUT":
            self.store.link(kind, rest[1], str(schema.plural(rest[-2])), rest[-1])
            return messages.reply({"status": "COMPLETE", "results": []})
        return self._guarded(kind, lambda: self.objects.answer(request, kind, rest[1:]))

    def _guarded(self, kind: str, answer: Callable[[], messages.Response]) -> messages.Response:
        scope = schema.SCOPES.get(kind)
        if scope is None or scope in self.tokens.app.scopes:
            return answer()
        message = "This app hasn't been granted all required scopes to make this call."
        errors = [{"message": message, "context": {"requiredGranularScopes": [scope]}}]
        return wire.error(403, "MISSING_SCOPES", message, errors=errors)

    def _owners(self, request: messages.Request) -> messages.Response:
        is_archived = request.parameter("archived") == "true"
        found = [each for each in self.store.owners if each.get("archived", False) is is_archived]
        return messages.reply({"results": found})

    def _associations(
        self, request: messages.Request, kind: str, rest: list[str]
    ) -> messages.Response:
        other = schema.plural(rest[0]) if rest else None
        inputs = request.json().get("inputs", [])
        if other is None or rest[1:2] != ["batch"]:
            return wire.missing()
        if len(inputs) > MAX_ASSOCIATION_INPUTS:
            return wire.error(400, "VALIDATION_ERROR", "at most 1000 inputs")
        if rest[2] != "read":
            change = self.store.link if rest[2] == "create" else self.store.unlink
            for each in inputs:
                change(kind, str(each["from"]["id"]), other, str(each["to"]["id"]))
            return messages.reply({"status": "COMPLETE", "results": []}, status=201)
        return self._read_links(kind, other, inputs)

    def _read_links(self, kind: str, other: str, inputs: list[dict[str, Any]]) -> messages.Response:
        results, errors = [], []
        for each in inputs:
            of = str(each["id"])
            links = self.store.links(kind, of, other)
            start = int(each.get("after") or 0)
            page = links[start : start + LINKS_PAGE]
            if not links:
                errors.append(
                    {
                        "status": "error",
                        "category": "OBJECT_NOT_FOUND",
                        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                        "message": f"No {other} is associated with {kind} {of}.",
                        "context": {"fromObjectId": [of]},
                    }
                )
                continue
            to = [{"toObjectId": int(link), "associationTypes": _TYPES} for link in page]
            plain: dict[str, Any] = {"from": {"id": of}, "to": to}
            if start + LINKS_PAGE < len(links):
                plain["paging"] = {"next": {"after": str(start + LINKS_PAGE)}}
            results.append(plain)
        body: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if errors:
            body.update(errors=errors, numErrors=len(errors))
        return messages.reply(body, status=207 if errors else 200)


_TYPES: Final = [{"category": "HUBSPOT_DEFINED", "typeId": 1, "label": None}]


def _properties(kind: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": name,
            "type": "string",
            "hasUniqueValue": name in schema.UNIQUE.get(kind, ()),
        }
        for name in schema.PROPERTIES[kind]
    ]
