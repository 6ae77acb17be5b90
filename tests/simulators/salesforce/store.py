"""The records of the simulated org, and what happens to them: the truth a sync has to arrive at.

Stamps have whole seconds, as in practice. A change of an opportunity writes its history in the same
moment. A merge moves the children without moving their stamps, as Salesforce does. A record may
become visible later than its stamp says.
"""

from __future__ import annotations

import datetime as dt
import string
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.simulators import clock
from tests.simulators.salesforce import schema

Values = Mapping[str, Any]
Record = dict[str, Any]

INTEGRATION_USER: Final = "005000000000001AAA"
SALES_USER: Final = "005000000000002AAA"
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK: Final = string.ascii_uppercase + "012345"
_HISTORY_FIELDS: Final = ("StageName", "Amount", "Probability", "CloseDate")
# Who refers to a record that is merged away.
_CHILDREN: Final = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Task", "AccountId")),
    "Contact": (
        ("OpportunityContactRole", "ContactId"),
        ("CampaignMember", "ContactId"),
        ("Task", "WhoId"),
    ),
    "Lead": (("CampaignMember", "LeadId"), ("Task", "WhoId")),
}


class Missing(Exception):  # noqa: N818 - named as the API names it
    """The API answers NOT_FOUND."""


def record_id(prefix: str, number: int) -> str:
    """Make an id of 18 characters, whose last three tell the case of the others."""
    tail = ""
    for _ in range(12):
        number, digit = divmod(number, 62)
        tail = _DIGITS[digit] + tail
    short = prefix + tail
    check = ""
    for start in (0, 5, 10):
        part = short[start : start + 5]
        check += _CHECK[sum(1 << at for at, each in enumerate(part) if each.isupper())]
    return short + check


class Store:
    """All records by object and id; one lock, since the server has threads."""

    def __init__(self, time: clock.Clock) -> None:
        self.clock = time
        self.lock = threading.RLock()
        self.rows: dict[str, dict[str, Record]] = {name: {} for name in schema.OBJECTS}
        self.deleted: dict[str, list[tuple[str, dt.datetime]]] = defaultdict(list)
        self._hidden_until: dict[str, dt.datetime] = {}
        self._numbers: dict[str, int] = defaultdict(int)

    def now(self) -> dt.datetime:
        return self.clock.now().replace(microsecond=0)

    def create(self, name: str, values: Values, *, by: str = SALES_USER) -> str:
        """Add a record; `CreatedDate` and `SystemModstamp` may be given, to write a past."""
        with self.lock:
            self._numbers[name] += 1
            new_id = record_id(schema.OBJECTS[name].prefix, self._numbers[name])
            row: Record = dict.fromkeys(schema.OBJECTS[name].fields)
            now = self.now()
            stamps = {"CreatedDate": now, "SystemModstamp": now, "LastModifiedDate": now}
            people = {"CreatedById": by, "LastModifiedById": by}
            row.update({key: value for key, value in stamps.items() if key in row})
            row.update({key: value for key, value in people.items() if key in row})
            row.update(values, Id=new_id, IsDeleted=False)
            self.rows[name][new_id] = row
            if name == "Opportunity":
                self._derive(row, None)
                self._write_history(row, None)
            return new_id

    def update(
        self,
        name: str,
        of: str,
        values: Values,
        *,
        by: str = SALES_USER,
        at: dt.datetime | None = None,
    ) -> None:
        """Change a record, now or, to write a past, at the moment given."""
        with self.lock:
            row = self.get(name, of)
            before = dict(row)
            row.update(values)
            self._touch(row, by, at)
            if name == "Opportunity":
                self._derive(row, before)
                self._write_history(row, before)

    def get(self, name: str, of: str) -> Record:
        row = self.rows[name].get(of)
        if row is None:
            raise Missing(of)
        return row

    def delete(self, name: str, of: str, *, by: str = SALES_USER) -> None:
        """Put a record into the recycle bin."""
        with self.lock:
            row = self.get(name, of)
            row["IsDeleted"] = True
            self._touch(row, by)
            self.deleted[name].append((of, self.now()))

    def undelete(self, name: str, of: str) -> None:
        with self.lock:
            row = self.get(name, of)
            row["IsDeleted"] = False
            self._touch(row, SALES_USER)
            self.deleted[name] = [each for each in self.deleted[name] if each[0] != of]

    def purge(self, name: str, of: str) -> None:
        """Take a record away for good: no query shows it any more."""
        with self.lock:
            self.rows[name].pop(of, None)
            self.deleted[name] = [each for each in self.deleted[name] if each[0] != of]

    def merge(self, name: str, winner: str, loser: str) -> None:
        """Merge two accounts, contacts or leads; the children's own stamps do not move."""
        with self.lock:
            self._touch(self.get(name, winner), SALES_USER)
            lost = self.get(name, loser)
            lost.update(IsDeleted=True, MasterRecordId=winner)
            self._touch(lost, SALES_USER)
            self.deleted[name].append((loser, self.now()))
            for child, link in _CHILDREN[name]:
                for row in self.rows[child].values():
                    if row[link] == loser:
                        row[link] = winner

    def convert(self, lead: str, *, account: str, contact: str, opportunity: str | None) -> None:
        """Convert a lead; its campaign memberships move to the contact."""
        with self.lock:
            row = self.get("Lead", lead)
            row.update(
                IsConverted=True,
                ConvertedDate=self.now().date().isoformat(),
                ConvertedAccountId=account,
                ConvertedContactId=contact,
                ConvertedOpportunityId=opportunity,
            )
            self._touch(row, SALES_USER)
            for member in self.rows["CampaignMember"].values():
                if member["LeadId"] == lead:
                    member["ContactId"] = contact

    def hide(self, of: str, *, seconds: float) -> None:
        """Let a record become visible so much later than now."""
        self._hidden_until[of] = self.clock.now() + dt.timedelta(seconds=seconds)

    def visible(self, name: str, *, with_deleted: bool) -> Iterator[Record]:
        """Go over the records that a query can see now."""
        now = self.clock.now()
        for of, row in self.rows[name].items():
            hidden_until = self._hidden_until.get(of)
            if hidden_until is not None and now < hidden_until:
                continue
            if with_deleted or not (row["IsDeleted"] or row.get("IsArchived")):
                yield row

    def find(self, name: str, key: str, value: str) -> list[str]:
        """List the ids of the living records with that value."""
        with self.lock:
            rows = self.rows[name].values()
            return [row["Id"] for row in rows if row.get(key) == value and not row["IsDeleted"]]

    def _touch(self, row: Record, by: str, at: dt.datetime | None = None) -> None:
        moment = at or self.now()
        row["SystemModstamp"] = moment
        if "LastModifiedDate" in row:
            row.update(LastModifiedDate=moment, LastModifiedById=by)

    def _derive(self, row: Record, before: Record | None) -> None:
        """Fill in what follows from the stage, unless it was written by hand."""
        stage = row["StageName"]
        if stage in schema.STAGES and (before is None or before["StageName"] != stage):
            probability, category, is_closed, is_won = schema.STAGES[stage]
            if row["Probability"] is None or before is not None:
                row["Probability"] = float(probability)
            row.update(ForecastCategory=category, IsClosed=is_closed, IsWon=is_won)
            if before is not None:
                row["LastStageChangeDate"] = row["SystemModstamp"]

    def _write_history(self, row: Record, before: Record | None) -> None:
        if before is not None and all(row[name] == before[name] for name in _HISTORY_FIELDS):
            return
        moment = row["CreatedDate"] if before is None else row["SystemModstamp"]
        copied = (*_HISTORY_FIELDS, "ForecastCategory", "CurrencyIsoCode")
        self.create(
            "OpportunityHistory",
            {
                **{name: row[name] for name in copied},
                "OpportunityId": row["Id"],
                "PrevAmount": before["Amount"] if before else None,
                "PrevCloseDate": before["CloseDate"] if before else None,
                "CreatedDate": moment,
                "SystemModstamp": moment,
                "CreatedById": row["LastModifiedById"],
            },
        )
