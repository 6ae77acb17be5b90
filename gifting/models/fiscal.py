"""Fiscal calendars and their periods.

Rule kept: periods are rows, generated and then editable, never arithmetic at query time. Two
periods of one calendar cannot overlap (exclusion constraint
`fiscal_period_days_do_not_overlap`). A period is opened and closed by `PeriodEvent` rows alone
(trigger `period_event_moves_the_period`); a closed one keeps its days.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models

from gifting.domain import fiscal, ledger
from gifting.models import tenancy


class FiscalCalendar(tenancy.TenantModel):
    """The rule from which an organization's fiscal years are generated."""

    name = models.CharField(max_length=tenancy.NAME_LENGTH, default="Company calendar")
    kind = models.CharField(
        max_length=16, choices=tenancy.labels(fiscal.Kind), default=fiscal.Kind.MONTHLY.value
    )
    start_month = models.PositiveSmallIntegerField(default=1)
    start_day = models.PositiveSmallIntegerField(default=1)
    week_ends_on = models.CharField(
        max_length=16,
        choices=tenancy.labels(fiscal.Weekday),
        default=fiscal.Weekday.SATURDAY.value,
        help_text="Read by week calendars",
    )
    year_end_rule = models.CharField(
        max_length=16,
        choices=tenancy.labels(fiscal.YearEndRule),
        default=fiscal.YearEndRule.NEAREST.value,
        help_text="Read by week calendars",
    )
    label = models.CharField(
        max_length=16,
        choices=tenancy.labels(fiscal.Label),
        default=fiscal.Label.END.value,
        help_text="The calendar year that names the fiscal year",
    )
    leap_week_in = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The period that takes week 53; empty means the last"
    )
    is_default = models.BooleanField(default=True, help_text="Decides the period of every fact")

    class Meta:
        constraints = (
            tenancy.unique("fiscal_calendar_name_is_unique", "name"),
            tenancy.unique("fiscal_calendar_public_id_is_unique", "public_id"),
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True),
                name="fiscal_calendar_default_is_one",
            ),
            tenancy.known("fiscal_calendar_kind_is_known", "kind", fiscal.Kind),
            models.CheckConstraint(
                condition=models.Q(start_month__range=(1, 12), start_day__range=(1, 28)),
                name="fiscal_calendar_starts_on_a_day",
            ),
        )

    def __str__(self) -> str:
        return self.name


class FiscalPeriod(tenancy.TenantModel):
    """One period of a fiscal year; its days run up to, and without, `ends_on`."""

    calendar = tenancy.link("gifting.FiscalCalendar")
    fiscal_year = models.PositiveSmallIntegerField()
    quarter = models.PositiveSmallIntegerField()
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=32)
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The first day after the period")
    status = models.CharField(
        max_length=16,
        choices=tenancy.labels(ledger.PeriodStatus),
        db_default=ledger.PeriodStatus.OPEN.value,
        editable=False,
        help_text="Derived from the events",
    )

    class Meta:
        ordering = ("starts_on",)
        constraints = (
            tenancy.unique("fiscal_period_number_is_unique", "calendar", "fiscal_year", "number"),
            tenancy.unique("fiscal_period_public_id_is_unique", "public_id"),
            tenancy.known("fiscal_period_status_is_known", "status", ledger.PeriodStatus),
            models.CheckConstraint(
                condition=models.Q(starts_on__lt=models.F("ends_on")),
                name="fiscal_period_is_not_empty",
            ),
            ExclusionConstraint(
                name="fiscal_period_days_do_not_overlap",
                expressions=[
                    ("organization", RangeOperators.EQUAL),
                    ("calendar", RangeOperators.EQUAL),
                    (
                        models.Func("starts_on", "ends_on", function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        )

    def __str__(self) -> str:
        return self.name


class PeriodEvent(tenancy.TenantModel):
    """Why a period was closed, softly or for good, or opened again, and by whom. Append-only."""

    fiscal_period = tenancy.link("gifting.FiscalPeriod", related_name="events")
    from_status = models.CharField(max_length=16, editable=False, help_text="By trigger")
    to_status = models.CharField(max_length=16, choices=tenancy.labels(ledger.PeriodStatus))
    reason = models.TextField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("period_event_public_id_is_unique", "public_id"),
            tenancy.known("period_event_status_is_known", "to_status", ledger.PeriodStatus),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="period_event_has_a_reason"
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_status} to {self.to_status}"
