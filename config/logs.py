"""Log events, not prose: JSON in production, colour for a person in development; no personal data.

Events carry ids. Whatever names a person or opens a door is dropped here, whoever logged it.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
import structlog
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware
from structlog.typing import EventDict, Processor, WrappedLogger

DROPPED_KEYS = frozenset(
    {"authorization", "cookie", "email", "ip", "password", "secret", "token", "user_agent"}
)


class RequestLogMiddleware(RequestMiddleware):
    """Log one line for each request: method, path, code. What is asked for may name people."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Leave out the query string."""
        return f"{request.method} {request.path}"


def drop_personal_data(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove what names a person or opens a door."""
    for key in DROPPED_KEYS & event.keys():
        del event[key]
    return event


def drop_exception_texts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep what failed and where; the text of an exception quotes the row that it failed on."""
    for exception in event.get("exception", ()):
        _drop_texts(exception)
    return event


def _drop_texts(exception: dict[str, Any]) -> None:
    exception.pop("exc_value", None)
    exception.pop("exc_notes", None)
    for part in exception.get("exceptions", ()):
        for nested in part:
            _drop_texts(nested)


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(allow=()),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    drop_personal_data,
]


def configuration(*, production: bool, level: str) -> dict[str, Any]:
    """Return Django's LOGGING, and set structlog up to go through it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "events": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *(_for_machines() if production else _for_people()),
                ],
            }
        },
        "handlers": {"standard_error": {"class": "logging.StreamHandler", "formatter": "events"}},
        "root": {"handlers": ["standard_error"], "level": level},
        "loggers": {
            # Django's own handlers would write each line twice, without structure.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            # One line for each request is RequestLogMiddleware's.
            "django.request": {"level": "ERROR"},
            "celery.app.trace": {"level": "WARNING"},
            # A tick is no event; what it sent is.
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "_granian": {"level": "WARNING"},
        },
    }


def _for_machines() -> list[Processor]:
    # Without locals: a frame of a failed import holds people's addresses.
    renderer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(renderer),
        drop_exception_texts,
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _for_people() -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json(event: EventDict, **options: Any) -> str:
    return orjson.dumps(event, default=options.get("default")).decode()
