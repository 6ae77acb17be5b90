"""Logs tell what happened and never to whom."""

from __future__ import annotations

import json
import logging

import structlog
from django.test import RequestFactory

from config import logs


def formatted(*, production: bool, record: logging.LogRecord) -> str:
    configuration = logs.configuration(production=production, level="INFO")
    options = dict(configuration["formatters"]["events"])
    factory = options.pop("()")
    formatter: structlog.stdlib.ProcessorFormatter = factory(**options)
    return formatter.format(record)


def record_of(error: Exception) -> logging.LogRecord:
    failure = (type(error), error, error.__traceback__)
    return logging.LogRecord("imports", logging.ERROR, __file__, 1, "import.failed", (), failure)


def failure_that_quotes_a_row() -> ValueError:
    try:
        int("maya@example.com")
    except ValueError as error:
        return error
    raise AssertionError


def test_what_names_a_person_or_opens_a_door_is_dropped() -> None:
    event = {
        "event": "import.row",
        "row": 7,
        "email": "maya@example.com",
        "token": "hush",
        "password": "hush",
        "authorization": "Bearer hush",
        "cookie": "hush",
        "secret": "hush",
        "ip": "192.0.2.1",
        "user_agent": "Maya's phone",
    }

    kept = logs.drop_personal_data(None, "info", event)

    assert kept == {"event": "import.row", "row": 7}


def test_a_request_is_logged_without_its_query() -> None:
    request = RequestFactory().get("/admin/gifting/recipient/", {"q": "maya@example.com"})

    assert logs.RequestLogMiddleware.format_request(request) == "GET /admin/gifting/recipient/"


def test_production_writes_one_json_object_a_line() -> None:
    record = logging.LogRecord("gifting", logging.INFO, __file__, 1, "send.approved", (), None)

    line = formatted(production=True, record=record)

    event = json.loads(line)
    assert "\n" not in line
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "send.approved", "level": "info", "logger": "gifting"}


def test_an_exception_is_logged_without_the_row_that_it_quotes() -> None:
    error = failure_that_quotes_a_row()
    error.add_note("the row of maya@example.com")

    line = formatted(production=True, record=record_of(error))

    assert "ValueError" in line
    assert "failure_that_quotes_a_row" in line
    assert "maya@example.com" not in line


def test_a_group_of_exceptions_quotes_no_row_either() -> None:
    group = ExceptionGroup("rows of maya@example.com", [failure_that_quotes_a_row()])

    line = formatted(production=True, record=record_of(group))

    assert "ExceptionGroup" in line
    assert "maya@example.com" not in line


def test_a_line_break_in_a_value_makes_no_second_line() -> None:
    record = logging.LogRecord(
        "gifting", logging.INFO, __file__, 1, "name %s", ("a\nlevel=error forged",), None
    )

    assert "\n" not in formatted(production=True, record=record)
