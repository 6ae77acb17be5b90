"""The page of tax splits: a fiscal year's gifts by recipient, as a table and as a file."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from gifting.domain import access, refusals
from gifting.selectors import gift_rules, tax
from gifting.services import desk

MOST_SHOWN: Final = 500
CSV: Final = "csv"


@require_GET
def page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show a year's gifts split by the rule that the address names, or send them as a file."""
    at_desk = desk.of(request)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Gifts and taxes",
        "asked": request.GET,
        "may_read": desk.may(request, access.Permission.READ_SPEND),
    }
    if at_desk and context["may_read"]:
        context["codes"] = sorted({rule.code for rule in gift_rules.all_tax_rules()})
        try:
            report = _report(at_desk.actor, request)
        except refusals.Refusal as refusal:
            context["refusal"] = refusal.message
        else:
            if report and request.GET.get("format") == CSV:
                return _file(report)
            context |= _table(report)
    return TemplateResponse(request, "config/taxes.html", context)


def _report(actor: access.Actor, request: HttpRequest) -> tax.Report | None:
    code, year = request.GET.get("rule", ""), request.GET.get("year", "")
    # Four digits are a year; anything else was not asked yet.
    if not code or not (year.isascii() and year.isdecimal() and len(year) == len("2026")):
        return None
    return tax.split(actor=actor, rule_code=code, fiscal_year=int(year))


def _table(report: tax.Report | None) -> dict[str, Any]:
    if report is None:
        return {}
    return {
        "report": report,
        "rows": report.shown_rows[:MOST_SHOWN],
        "left_out_count": max(0, len(report.rows) - MOST_SHOWN),
    }


def _file(report: tax.Report) -> HttpResponse:
    name = f"{report.rules[0].code}-{report.fiscal_year}.csv"
    answer = HttpResponse(tax.as_csv(report), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
