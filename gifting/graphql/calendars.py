"""Fiscal calendars: make them, generate and edit their periods, and hold two years side by side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import fiscal
from gifting.graphql import budget_changes, context, errors, fields, scalars, types
from gifting.graphql import budgets as budget_types
from gifting.selectors import fiscal as selectors
from gifting.services import calendars
from gifting.services import fiscal as services

fields.describe(
    fiscal.Kind,
    name="FiscalCalendarKind",
    description="How the years of a calendar are cut.",
    values={
        "MONTHLY": "Twelve months.",
        "W445": "Quarters of 4, 4 and 5 weeks.",
        "W454": "Quarters of 4, 5 and 4 weeks.",
        "W544": "Quarters of 5, 4 and 4 weeks.",
        "W13X4": "Thirteen periods of 4 weeks.",
    },
)
fields.describe(
    fiscal.Weekday,
    name="Weekday",
    description="A day of the week.",
    values={day.name: f"{day.name.capitalize()}." for day in fiscal.Weekday},
)
fields.describe(
    fiscal.YearEndRule,
    name="FiscalYearEndRule",
    description="On which of its weekdays a year of weeks ends.",
    values={
        "LAST": "The last one of the month before the start month.",
        "NEAREST": "The one nearest to the end of that month.",
    },
)
fields.describe(
    fiscal.Label,
    name="FiscalYearLabel",
    description="The calendar year that names a fiscal year.",
    values={"START": "The one of its nominal start.", "END": "The one of its nominal end."},
)
fields.describe(
    fiscal.Comparison,
    name="FiscalComparisonMode",
    description="How the weeks of two years pair when one of them has 53.",
    values={
        "UNRESTATED": "By number; a 53rd week beside the 52nd before it.",
        "RESTATED": "Shifted by a week; the first week of the longer year is alone.",
    },
)


@strawberry.type(
    description="A week beside its partner in the year before; null where it has none.",
    directives=[scalars.FREE],
)
class FiscalWeekPair:
    """Show a pair of weeks."""

    number: int | None = strawberry.field(description="The week of the year, from 1.")
    starts_on: dt.date | None = strawberry.field(description="Its first day.")
    before_number: int | None = strawberry.field(description="The week of the year before.")
    before_starts_on: dt.date | None = strawberry.field(description="Its first day.")


@strawberry.type(
    description="Two fiscal years of the company calendar side by side, and by which mode.",
    directives=[scalars.FREE],
)
class FiscalComparison:
    """Show a comparison."""

    mode: fiscal.Comparison = strawberry.field(description="How the weeks are paired.")
    fiscal_year: int = strawberry.field(description="The year.")
    before: int = strawberry.field(description="The year before it.")
    weeks: list[FiscalWeekPair] = strawberry.field(
        description="Every week of both years, in order.",
        directives=[scalars.ListSize(assumed_size=53)],
    )


@strawberry.input(description="A calendar beside the company's own; its name is taken once.")
class CreateFiscalCalendarInput:
    name: str = strawberry.field(description="Its name, unique: 1 to 255 characters.")
    kind: fiscal.Kind = strawberry.field(description="How its years are cut.")
    start_month: int = strawberry.field(default=1, description="1 to 12.")
    start_day: int = strawberry.field(default=1, description="1 to 28; 1 for weeks.")
    week_ends_on: fiscal.Weekday = strawberry.field(
        default=fiscal.Weekday.SATURDAY, description="For weeks: their last day."
    )
    year_end_rule: fiscal.YearEndRule = strawberry.field(
        default=fiscal.YearEndRule.NEAREST, description="For weeks: where a year ends."
    )
    label: fiscal.Label = strawberry.field(
        default=fiscal.Label.END, description="What names a year."
    )
    leap_week_in: int | None = strawberry.field(
        default=None, description="The period that takes the 53rd week; the last one without."
    )


@strawberry.input(description="A fiscal year to generate; one that is there stays as it is.")
class GenerateFiscalYearInput:
    fiscal_year: int = strawberry.field(description="1900 to 2199.")
    fiscal_calendar_id: UUID | None = strawberry.field(
        default=None, description="Of which calendar; the company's own without."
    )


@strawberry.input(description="A boundary to move; moved to where it is, nothing changes.")
class MoveFiscalBoundaryInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="The period before it.")
    ends_on: dt.date = strawberry.field(description="The first day of the period after it.")


@strawberry.input(description="Another name of a period.")
class RenameFiscalPeriodInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="Which period.")
    name: str = strawberry.field(description="Its name: 1 to 32 characters.")


@strawberry.input(description="A period to split; a second time its days are gone and refused.")
class SplitFiscalPeriodInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="Which period.")
    starts_on: dt.date = strawberry.field(description="The first day of the second part.")
    name: str = strawberry.field(description="Its name: 1 to 32 characters.")


@strawberry.input(description="Two periods to merge; a second time one is gone and refused.")
class MergeFiscalPeriodsInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="The one that stays.")
    taken_period_id: relay.GlobalID = strawberry.field(
        description="The one after it in its year, which it takes in."
    )


@strawberry.type(description="What became of an edit of fiscal periods.")
class FiscalPeriodsPayload(errors.Payload):
    """Answer every edit of periods."""

    fiscal_periods: list[types.FiscalPeriod] | None = strawberry.field(
        default=None,
        description="The periods that were made or changed, in order; null when it was refused.",
        directives=[scalars.ListSize(assumed_size=13)],
    )


@strawberry.type
class Query:
    """Hold the calendars' part of the schema's query type."""

    @strawberry.field(
        description="The weeks of a fiscal year beside those of the year before, as the periods "
        "stand. Needs any of READ_SPEND, READ_BUDGETS, READ_CAMPAIGNS, READ_ATTRIBUTION."
    )
    def fiscal_comparison(
        self,
        info: context.Info,
        fiscal_year: Annotated[int, strawberry.argument(description="Which year.")],
        mode: Annotated[fiscal.Comparison, strawberry.argument(description="How to pair.")],
    ) -> FiscalComparison:
        found = selectors.compare_years(
            actor=info.context.actor, fiscal_year=fiscal_year, mode=mode
        )
        return FiscalComparison(
            mode=found.mode,
            fiscal_year=found.fiscal_year,
            before=found.before,
            weeks=[
                FiscalWeekPair(
                    number=pair.number,
                    starts_on=pair.starts_on,
                    before_number=pair.before_number,
                    before_starts_on=pair.before_starts_on,
                )
                for pair in found.pairs
            ],
        )


@strawberry.type
class Mutation:
    """Hold the calendars' part of the schema's mutation type."""

    @strawberry.field(
        description="Make a calendar beside the company's own, which goes on deciding for facts. "
        "Needs MANAGE_ACCESS.",
        extensions=[errors.RefusalsAsUserErrors(budget_changes.BudgetChangePayload)],
    )
    def create_fiscal_calendar(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            CreateFiscalCalendarInput, strawberry.argument(description="The calendar.")
        ],
    ) -> budget_changes.BudgetChangePayload:
        made = services.create_calendar(
            actor=info.context.actor,
            name=input.name,
            calendar=fiscal.Calendar(
                kind=input.kind,
                start_month=input.start_month,
                start_day=input.start_day,
                week_ends_on=input.week_ends_on,
                year_end_rule=input.year_end_rule,
                label=input.label,
                leap_week_in=input.leap_week_in,
            ),
            is_default=False,
        )
        return budget_changes.BudgetChangePayload(is_repeat=False, made_id=made)

    @strawberry.field(
        description="Generate the periods of a fiscal year by its calendar. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(FiscalPeriodsPayload)],
    )
    def generate_fiscal_year(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            GenerateFiscalYearInput, strawberry.argument(description="Which year.")
        ],
    ) -> FiscalPeriodsPayload:
        made = services.generate_year(
            actor=info.context.actor,
            fiscal_year=input.fiscal_year,
            calendar=input.fiscal_calendar_id,
        )
        return _shown(info, made)

    @strawberry.field(
        description="Let a period end, and the next one of its year begin, on another day, while "
        "nothing was posted to either. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(FiscalPeriodsPayload)],
    )
    def move_fiscal_boundary(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            MoveFiscalBoundaryInput, strawberry.argument(description="Which one, and where to.")
        ],
    ) -> FiscalPeriodsPayload:
        period_id = _period(info, input.fiscal_period_id, "fiscal_period_id")
        calendars.move_boundary(
            actor=info.context.actor, period_id=period_id, ends_on=input.ends_on
        )
        return _shown(info, [period_id])

    @strawberry.field(
        description="Call a fiscal period by another name. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(FiscalPeriodsPayload)],
    )
    def rename_fiscal_period(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            RenameFiscalPeriodInput, strawberry.argument(description="Which one, and how.")
        ],
    ) -> FiscalPeriodsPayload:
        period_id = _period(info, input.fiscal_period_id, "fiscal_period_id")
        calendars.rename(actor=info.context.actor, period_id=period_id, name=input.name)
        return _shown(info, [period_id])

    @strawberry.field(
        description="Make two periods of one to which nothing was posted. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(FiscalPeriodsPayload)],
    )
    def split_fiscal_period(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SplitFiscalPeriodInput, strawberry.argument(description="Which one, and where.")
        ],
    ) -> FiscalPeriodsPayload:
        period_id = _period(info, input.fiscal_period_id, "fiscal_period_id")
        made = calendars.split(
            actor=info.context.actor,
            period_id=period_id,
            starts_on=input.starts_on,
            name=input.name,
        )
        return _shown(info, [period_id, made])

    @strawberry.field(
        description="Let a period take in the one after it, which nothing may name. Needs "
        "CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(FiscalPeriodsPayload)],
    )
    def merge_fiscal_periods(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            MergeFiscalPeriodsInput, strawberry.argument(description="Which two.")
        ],
    ) -> FiscalPeriodsPayload:
        period_id = _period(info, input.fiscal_period_id, "fiscal_period_id")
        calendars.merge(
            actor=info.context.actor,
            period_id=period_id,
            taken_id=_period(info, input.taken_period_id, "taken_period_id"),
        )
        return _shown(info, [period_id])


def _period(info: context.Info, asked: relay.GlobalID, field: str) -> int:
    return budget_types.key_of(info, asked, "FiscalPeriod", field)


def _shown(info: context.Info, ids: Sequence[int]) -> FiscalPeriodsPayload:
    """Show periods as the viewer sees them; one who may edit them may not be one who reads them."""
    found: Any = selectors.PERIODS.by_ids(actor=info.context.actor, ids=ids)
    return FiscalPeriodsPayload(fiscal_periods=[found[each] for each in ids if each in found])
