"""The same records through strawberry-django as its documentation shows it, with default settings.

Types from models, Relay nodes and connections, the query optimizer and its own view. Two things are
not as it comes: ids are `relay.NodeID`, since the default looks for the id's name again in each row
and that alone would double the page; and the door is the product's, so that both look the token up
and enter the organization before anything is answered.
"""

from __future__ import annotations

from typing import Any

import strawberry
import strawberry_django
from django.db.models import Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from strawberry import relay
from strawberry.django.views import GraphQLView
from strawberry.schema.config import StrawberryConfig
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoListConnection

from gifting import models
from gifting.domain import access as access_rules
from gifting.services import access, tenancy

MOST_ROWS = 1_000


@strawberry_django.type(models.CostCenter)
class CostCenter(relay.Node):
    id: relay.NodeID[int]
    code: strawberry.auto
    name: strawberry.auto


@strawberry_django.type(models.Vendor)
class Vendor(relay.Node):
    id: relay.NodeID[int]
    code: strawberry.auto
    name: strawberry.auto


@strawberry_django.type(models.Campaign)
class Campaign(relay.Node):
    id: relay.NodeID[int]
    code: strawberry.auto
    name: strawberry.auto
    cost_center: CostCenter


@strawberry_django.type(models.Send)
class Send(relay.Node):
    id: relay.NodeID[int]
    source: strawberry.auto
    external_id: strawberry.auto
    quantity: strawberry.auto
    state: strawberry.auto
    sent_at: strawberry.auto
    delivered_at: strawberry.auto
    recorded_at: strawberry.auto
    account_reference: strawberry.auto
    is_synthetic: strawberry.auto
    campaign: Campaign
    vendor: Vendor


@strawberry.type
class Money:
    amount_minor: int
    currency: str


@strawberry.type
class Slice:
    label: str
    amount: Money


@strawberry.type
class Spend:
    total: Money
    slices: list[Slice]


@strawberry.type
class Query:
    sends: DjangoListConnection[Send] = strawberry_django.connection()

    @strawberry.field
    def spend(self) -> Spend:
        rows = (
            models.SpendRollup.objects.filter(currency="USD")
            .values("campaign__public_id", "campaign__name")
            .annotate(amount=Sum("amount_minor"))
            .order_by("-amount")
        )
        slices = [
            Slice(
                label=row["campaign__name"],
                amount=Money(amount_minor=int(row["amount"]), currency="USD"),
            )
            for row in rows
        ]
        total = sum(each.amount.amount_minor for each in slices)
        # The default integer of GraphQL has 32 bits; the product's own has 64.
        return Spend(total=Money(amount_minor=total % 2**31, currency="USD"), slices=slices)


SCHEMA = strawberry.Schema(
    query=Query,
    extensions=[DjangoOptimizerExtension],
    config=StrawberryConfig(relay_max_results=MOST_ROWS),
)

QUERIES = {
    "aggregate": """
        { spend {
            total { amountMinor currency }
            slices { label amount { amountMinor currency } } } }
    """,
    "nested": """
        { sends(first: 100) { edges { node {
            id externalId state sentAt
            campaign { id code name costCenter { id code name } }
            vendor { id code name } } } } }
    """,
    "page": """
        { sends(first: 1000) {
            pageInfo { hasNextPage endCursor }
            edges { node { id source externalId quantity state sentAt deliveredAt recordedAt
                accountReference isSynthetic } } } }
    """,
}


def actor(request: HttpRequest) -> access_rules.Actor:
    """Return who asks, from the token in the request."""
    secret = request.headers["Authorization"].removeprefix("Bearer ")
    return access.actor_for_token(secret=secret, at=timezone.now())


class View(GraphQLView):
    """Enter the organization of the token, then do what the package does."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with tenancy.organization(actor(request).organization_id):
            return super().dispatch(request, *args, **kwargs)


view = csrf_exempt(View.as_view(schema=SCHEMA))
