"""The page of consolidated spend: one table by any cut or pair, and the proof that it adds up."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_GET

from gifting.domain import access, cuts, refusals
from gifting.selectors import consolidated, fiscal, spend
from gifting.services import desk

MOST_SHOWN: Final = 500


@require_GET
def page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the spend that the visitor may read, cut as the address asks."""
    at_desk = desk.of(request)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "What was spent",
        "cuts": [each.value for each in cuts.Dimension],
        "bases": [each.value for each in cuts.Basis],
        "asked": request.GET,
        "may_read": desk.may(request, access.Permission.READ_SPEND),
    }
    if at_desk and context["may_read"]:
        try:
            context |= _table(at_desk.actor, request)
        except refusals.Refusal as refusal:
            context["refusal"] = refusal.message
    return TemplateResponse(request, "config/spend.html", context)


def _table(actor: access.Actor, request: HttpRequest) -> dict[str, Any]:
    cut = _chosen(cuts.Dimension, request.GET.get("by")) or cuts.Dimension.DEPARTMENT
    then = _chosen(cuts.Dimension, request.GET.get("then"))
    basis = _chosen(cuts.Basis, request.GET.get("basis")) or cuts.Basis.LANDED_COST
    period = request.GET.get("period", "").strip()
    where = spend.Cut(
        fiscal_period_ids=fiscal.period_ids_named(actor=actor, name=period) if period else ()
    )
    report = consolidated.get(actor=actor, cut=cut, then=then, basis=basis, where=where)
    return {
        "report": report,
        "columns": [each.value.capitalize() for each in (cut, then) if each],
        "has_rolled_up": any(row.rolled_up for row in report.slices),
        "rows": report.slices[:MOST_SHOWN],
        "left_out_count": max(0, len(report.slices) - MOST_SHOWN),
        "lines": consolidated.reconcile(actor=actor, report=report, where=where),
    }


def _chosen(kind: Any, value: str | None) -> Any:
    return kind(value) if value in set(kind) else None
