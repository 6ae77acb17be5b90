"""The admin site: opens each page for one organization, and starts with the main result.

Everything that a page reads and renders happens inside the transaction that chose its
organization, so PostgreSQL shows an operator what it shows to anybody else in there.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.admin.sites import AdminSite
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from psycopg import errors
from unfold import dataclasses
from unfold import sites as unfold

from attribution.domain import multitouch
from attribution.selectors import summaries
from config import spending, taxes
from gifting.domain import access, refusals
from gifting.selectors import organizations
from gifting.services import access as memberships
from gifting.services import desk, tenancy

CHOICE: Final = "tribute_organization"
SYNTHETIC: Final = ("Synthetic data", "warning")
ICONS: Final = {
    "Account": "apartment",
    "AmountChange": "price_change",
    "AttributionConfiguration": "tune",
    "Approval": "how_to_reg",
    "ApprovalEvent": "update",
    "ApprovalPolicy": "rule",
    "ApprovalRequest": "inbox",
    "AttributionRun": "calculate",
    "AttributionTotal": "balance",
    "Budget": "savings",
    "BudgetEntry": "list_alt",
    "Campaign": "campaign",
    "Commitment": "lock_clock",
    "Connection": "cable",
    "Contact": "contacts",
    "ContractPrice": "request_quote",
    "CostCenter": "account_tree",
    "CostLine": "receipt_long",
    "Credit": "workspace_premium",
    "CreditNote": "undo",
    "CreditNoteLine": "playlist_remove",
    "CreditRollup": "leaderboard",
    "CrmRecord": "dataset",
    "Delegation": "switch_account",
    "FiscalCalendar": "calendar_month",
    "FiscalPeriod": "date_range",
    "Fund": "account_balance_wallet",
    "FundAncestor": "lan",
    "FundingLineage": "conversion_path",
    "FundingSource": "water_drop",
    "GiftItem": "redeem",
    "GiftRule": "gavel",
    "Heartbeat": "monitor_heart",
    "ImportRun": "upload_file",
    "Match": "compare_arrows",
    "MatchException": "rule",
    "MatchPolicy": "tune",
    "Membership": "group",
    "Operation": "fingerprint",
    "Opportunity": "handshake",
    "OpportunityContactRole": "diversity_3",
    "Organization": "domain",
    "OutsideSpend": "credit_card",
    "Override": "lock_open",
    "OverrideUse": "key",
    "OverrunException": "warning",
    "OwnerChange": "swap_horiz",
    "PeriodEvent": "event_available",
    "PriceTier": "stacked_bar_chart",
    "Program": "folder_special",
    "PurchaseOrder": "shopping_cart",
    "PurchaseOrderLine": "list",
    "QuarantinedRow": "report",
    "Receipt": "inventory",
    "Recipient": "person",
    "RecipientGift": "featured_seasonal_and_gifts",
    "RecipientLink": "link",
    "RecipientLock": "lock",
    "RecordAlias": "merge",
    "RejectedRecord": "rule_folder",
    "SandboxTruth": "science",
    "Send": "local_shipping",
    "SendEvent": "timeline",
    "SenderSpend": "payments",
    "ServiceToken": "key",
    "SpendRollup": "payments",
    "StageChange": "stairs",
    "StreamState": "water",
    "SyncRun": "sync",
    "TaxRule": "percent",
    "Touchpoint": "touch_app",
    "Transfer": "swap_vert",
    "User": "badge",
    "Vendor": "storefront",
    "VendorIdentity": "contact_page",
    "VendorInvoice": "description",
    "VendorInvoiceLine": "view_list",
    "VendorMerge": "merge",
}
PLAIN_ICON: Final = "schedule"

View = Callable[..., HttpResponse]


class Site(unfold.UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    """The admin of the product."""

    index_title = "What gifts earned"
    index_template = "config/start.html"
    enable_nav_sidebar = True

    def get_urls(self) -> list[URLPattern]:
        return [
            path("organization/", self.admin_view(self.choose), name="organization"),
            path("spend/", self.admin_view(self.spend), name="spend"),
            path("taxes/", self.admin_view(self.taxes), name="taxes"),
            *super().get_urls(),
        ]

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Open every page for the organization that its visitor chose."""

        def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                with _organization(request):
                    response = view(request, *args, **kwargs)
                    if isinstance(response, SimpleTemplateResponse):
                        # Lists are read while they are written out: that too happens in here.
                        response.render()
                    return response
            except OperationalError as error:
                if not isinstance(error.__cause__, errors.QueryCanceled):
                    raise
                return self._took_too_long(request)

        admin_view: View = super().admin_view(inside, cacheable)
        return admin_view

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        at_desk = desk.of(request)
        if at_desk is None:
            return HttpResponseRedirect(reverse("admin:organization"))
        page: HttpResponse = super().index(
            request, {"sheet": _sheet(at_desk), **(extra_context or {})}
        )
        return page

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Serve no search over everything: its answers are kept across organizations."""
        raise Http404

    def _took_too_long(self, request: HttpRequest) -> HttpResponse:
        """Say so where the database was stopped, and what to do about it."""
        context = {**self.each_context(request), "title": "This took too long"}
        page = TemplateResponse(request, "config/too_long.html", context, status=503)
        return page.render()

    def choose(self, request: HttpRequest) -> HttpResponse:
        """Let the visitor choose one of their organizations."""
        return _choose(request, self)

    def spend(self, request: HttpRequest) -> HttpResponse:
        """Show what was spent, by any cut, and that it adds up."""
        return spending.page(request, self)

    def taxes(self, request: HttpRequest) -> HttpResponse:
        """Show a fiscal year's gifts split by a tax rule, or send them as a file."""
        return taxes.page(request, self)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        at_desk = desk.of(request)
        context: dict[str, Any] = super().each_context(request)
        context["tribute_desk"] = at_desk
        context["site_title"] = context["site_header"] = "Tribute"
        context["site_subheader"] = at_desk.organization.name if at_desk else "No organization"
        context["site_url"] = None
        context["site_symbol"] = "redeem"
        context["site_favicons"] = [
            dataclasses.Favicon(
                href=static("config/favicon.svg"), rel="icon", type="image/svg+xml", sizes="any"
            )
        ]
        if at_desk and at_desk.organization.is_synthetic:
            context["environment"] = SYNTHETIC
        return context

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """List what this visitor may see, room by room."""
        return [
            _organization_group(self, request),
            *map(self._group(request), _rooms(self, request)),
        ]

    def _group(self, request: HttpRequest) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def group(room: dict[str, Any]) -> dict[str, Any]:
            return {
                "title": room["name"],
                "collapsible": True,
                "items": [
                    {
                        "title": model["name"],
                        "link": model["admin_url"],
                        "icon": ICONS.get(model["object_name"], PLAIN_ICON),
                        "active": request.path.startswith(model["admin_url"] or "\0"),
                        "has_permission": True,
                    }
                    for model in room["models"]
                ],
            }

        return group


def _sheet(at_desk: desk.Desk) -> summaries.Summary | None:
    if not at_desk.actor.may(access.Permission.READ_SPEND):
        return None
    return summaries.get(
        actor=at_desk.actor,
        model=multitouch.Model.LINEAR.value,
        currency=at_desk.organization.currency,
    )


@require_http_methods(["GET", "POST"])
def _choose(request: HttpRequest, site: AdminSite) -> HttpResponse:
    offered = _organizations_of(request)
    if request.method == "POST":
        chosen = {row.slug for row in offered} & {request.POST.get("organization", "")}
        if chosen:
            request.session[CHOICE] = chosen.pop()
            return HttpResponseRedirect(reverse("admin:index"))
    context = {
        **site.each_context(request),
        "title": "Choose an organization",
        "offered": offered,
        "is_refused": request.method == "POST",
    }
    return TemplateResponse(request, "config/organization.html", context)


@contextmanager
def _organization(request: HttpRequest) -> Iterator[None]:
    """Open the visitor's organization; without a choice PostgreSQL shows no row."""
    actor = None if _is_choosing(request) else _actor(request)
    if actor is None:
        yield
        return
    with tenancy.organization(actor.organization_id):
        organization = organizations.get(organization_id=actor.organization_id)
        desk.sit(request, desk.Desk(actor=actor, organization=organization))
        with timezone.override(zoneinfo.ZoneInfo(organization.time_zone)):
            yield


def _actor(request: HttpRequest) -> access.Actor | None:
    """Return who the visitor is in the organization of their session, or in their only one."""
    slug = request.session.get(CHOICE)
    find = (
        memberships.actor_for_operator if desk.is_operator(request) else memberships.actor_for_user
    )
    try:
        return find(user_id=_user_id(request), organization_slug=slug)
    except refusals.NotFound:
        # Never chosen, or no longer theirs.
        return None


def _organizations_of(request: HttpRequest) -> tuple[organizations.OrganizationRecord, ...]:
    if desk.is_operator(request):
        return memberships.organizations_of_server()
    return memberships.organizations_of_user(user_id=_user_id(request))


def _user_id(request: HttpRequest) -> int:
    user: Any = request.user
    return int(user.pk)


def _is_choosing(request: HttpRequest) -> bool:
    """Tell the page that looks at several organizations, which no single one may be open for."""
    return request.path == reverse("admin:organization")


def _rooms(site: Site, request: HttpRequest) -> list[dict[str, Any]]:
    rooms: list[dict[str, Any]] = site.get_app_list(request)
    order = {"gifting": 0, "attribution": 1, "integrations": 2}
    return sorted(rooms, key=lambda room: order.get(room["app_label"], len(order)))


def _organization_group(site: Site, request: HttpRequest) -> dict[str, Any]:
    links = (
        ("What gifts earned", "index", "monitoring"),
        ("What was spent", "spend", "payments"),
        ("Gifts and taxes", "taxes", "receipt"),
        ("Organization", "organization", "domain"),
    )
    return {
        "title": "",
        "items": [
            {
                "title": title,
                "link": reverse(f"{site.name}:{name}"),
                "icon": icon,
                "active": request.path == reverse(f"{site.name}:{name}"),
                "has_permission": True,
            }
            for title, name, icon in links
        ],
    }
