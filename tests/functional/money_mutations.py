"""Every mutation that takes money, found in the schema, and an input of each that is accepted."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graphql import GraphQLInputObjectType, GraphQLNamedType, get_named_type

from config import schema
from tests.factories import ledger, organizations, planning, procurement, requests, sends

CORE = schema.schema.core
MONEY = "MoneyInput"
MINOR = "MinorUnits"
DECIMAL = "Decimal"

Path = tuple[str | int, ...]
Input = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place in an input, and the type that is written there."""

    path: Path
    kind: str


def names() -> list[str]:
    """Name every mutation with money anywhere in its input."""
    fields = CORE.mutation_type.fields if CORE.mutation_type else {}
    return sorted(
        name
        for name, field in fields.items()
        if any(_holds_money(get_named_type(argument.type)) for argument in field.args.values())
    )


def document(name: str) -> str:
    """Ask for the mutation's refusals."""
    return f"""mutation ($input: {_input_of(name)}) {{
        {name}(input: $input) {{ userErrors {{ code field message }} }} }}"""


def leaves(name: str, given: Input) -> Iterator[Leaf]:
    """List each scalar that the input gives, by its place."""
    kind = get_named_type(_input_of(name))
    yield from _leaves(kind, given, ())


def changed(given: Any, path: Path, value: Any) -> Any:
    """Return the input with another value in one place."""
    if not path:
        return value
    first, *rest = path
    if isinstance(given, list):
        return [
            changed(each, tuple(rest), value) if place == first else each
            for place, each in enumerate(given)
        ]
    return {**given, first: changed(given[first], tuple(rest), value)}


def id_of(kind: str, public_id: UUID) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()


def money(amount_minor: int = 10_00, currency: str = "USD") -> Input:
    return {"amountMinor": amount_minor, "currency": currency}


def _input_of(name: str) -> Any:
    assert CORE.mutation_type is not None
    return CORE.mutation_type.fields[name].args["input"].type


def _holds_money(kind: GraphQLNamedType, seen: frozenset[str] = frozenset()) -> bool:
    if kind.name in {MONEY, MINOR}:
        return True
    if kind.name in seen or not isinstance(kind, GraphQLInputObjectType):
        return False
    return any(
        _holds_money(get_named_type(field.type), seen | {kind.name})
        for field in kind.fields.values()
    )


def _leaves(kind: GraphQLNamedType, given: Any, path: Path) -> Iterator[Leaf]:
    if given is None:
        return
    if isinstance(given, list):
        for place, each in enumerate(given):
            yield from _leaves(kind, each, (*path, place))
    elif isinstance(kind, GraphQLInputObjectType):
        for name, value in given.items():
            yield from _leaves(get_named_type(kind.fields[name].type), value, (*path, name))
    else:
        yield Leaf(path, kind.name)


def _approve_budget() -> Input:
    return {
        "name": "Spring",
        "amount": money(),
        "costCenterId": id_of("CostCenter", organizations.make_cost_center().public_id),
        "fiscalPeriodId": id_of("FiscalPeriod", sends.period_of(sends.DAY).public_id),
    }


def _place_order() -> Input:
    return {
        "idempotencyKey": "key",
        "vendorId": id_of("Vendor", sends.make_vendor().public_id),
        "number": "PO-1",
        "costCenterId": id_of("CostCenter", organizations.root_cost_center().public_id),
        "currency": "USD",
        "orderedOn": str(sends.DAY),
        "lines": [
            {
                "description": "Tea boxes",
                "budgetId": id_of("Budget", ledger.make_budget().public_id),
                "quantity": 2,
                "unitPriceMinor": 5_00,
                "nonrecoverableTaxMinor": 1_00,
                "recoverableTaxMinor": 1_00,
                "glAccount": "6200",
                "financeTag": "ABM-27",
            }
        ],
    }


def _receipt() -> Input:
    line = procurement.make_order_line()
    return {
        "idempotencyKey": "key",
        "kind": "DELIVERY",
        "quantity": 2,
        "receivedOn": str(sends.DAY),
        "proof": "1Z999",
        "source": "ups",
        "sourceId": "1Z999",
        "orderLineId": id_of("PurchaseOrderLine", line.public_id),
    }


def _invoice() -> Input:
    line = procurement.make_order_line()
    return {
        "idempotencyKey": "key",
        "vendorId": id_of("Vendor", line.order.vendor.public_id),
        "number": "INV-1",
        "currency": "USD",
        "invoicedOn": str(sends.DAY),
        "totalMinor": 12_00,
        "lines": [
            {
                "description": "Tea boxes",
                "quantity": 2,
                "netMinor": 10_00,
                "nonrecoverableTaxMinor": 1_00,
                "recoverableTaxMinor": 1_00,
                "orderLineId": id_of("PurchaseOrderLine", line.public_id),
                "glAccount": "6200",
                "financeTag": "ABM-27",
            }
        ],
    }


def _credit_note() -> Input:
    line = procurement.make_invoice_line()
    return {
        "idempotencyKey": "key",
        "invoiceId": id_of("VendorInvoice", line.invoice.public_id),
        "number": "CN-1",
        "creditedOn": str(sends.DAY),
        "reason": "Broken",
        "lines": [{"invoiceLineId": id_of("VendorInvoiceLine", line.public_id), "netMinor": 1_00}],
    }


def _tolerance() -> Input:
    return {
        "idempotencyKey": "key",
        "currency": "USD",
        "startsOn": str(sends.DAY),
        "priceBasisPoints": 500,
        "priceAbsoluteMinor": 10_00,
        "quantityBasisPoints": 0,
        "quantityAbsolute": 0,
    }


def _price() -> Input:
    return {
        "idempotencyKey": "key",
        "giftItemId": id_of("GiftItem", sends.make_gift_item().public_id),
        "currency": "USD",
        "startsOn": str(sends.DAY),
        "reference": "MSA 2025",
        "tiers": [{"minimumQuantity": 1, "unitPriceMinor": 5_00}],
    }


def _outside_spend() -> Input:
    return {
        "idempotencyKey": "key",
        "lines": [
            {
                "source": "CARD",
                "nativeId": "c1",
                "merchant": "Gift Shop",
                "spentOn": str(sends.DAY),
                "amount": money(),
                "payee": "DE02 1203 0000",
            }
        ],
    }


def _define_approval_policy() -> Input:
    return {
        "idempotencyKey": f"key-{organizations.next_number()}",
        "currency": "USD",
        "bands": [
            {
                "kind": "ROLE",
                "role": "FINANCE",
                "amountAtLeastMinor": 250_00,
            }
        ],
        "reason": "The board said so",
    }


def _define_gift_rule() -> Input:
    return {
        "idempotencyKey": "key",
        "code": "OUR-CODE",
        "limit": money(),
        "window": "ROLLING_12M",
        "basis": "ITEM",
        "action": "BLOCK",
        "source": "Code of conduct",
        "validFrom": str(sends.DAY),
    }


def _costs() -> list[Input]:
    return [
        {"component": "ITEM", "amount": money(8_00)},
        {"component": "SHIPPING", "amount": money(2_00)},
    ]


def _request_send() -> Input:
    campaign = sends.make_campaign()
    return {
        "idempotencyKey": "gift-1",
        "campaignId": id_of("Campaign", campaign.public_id),
        "vendorId": id_of("Vendor", sends.make_vendor().public_id),
        "costCenterId": id_of("CostCenter", campaign.cost_center.public_id),
        "estimate": _costs(),
        "shares": [
            {"budgetId": id_of("Budget", ledger.make_budget().public_id), "weight": 2},
            {"budgetId": id_of("Budget", ledger.make_budget().public_id), "weight": 1},
        ],
        "accountReference": "0011",
        "senderReference": "0055",
        "nature": "Tea box",
        "purpose": "Thanks for the visit",
    }


def _request_batch() -> Input:
    return {"idempotencyKey": "batch-1", "sends": [_request_send()]}


def _charge() -> Input:
    return {
        "idempotencyKey": "INV-1",
        "sendId": id_of("Send", requests.make_approved().public_id),
        "costs": _costs(),
        "occurredAt": organizations.NOON.isoformat(),
    }


def _refund() -> Input:
    send = requests.make_approved()
    requests.invoice(send, {"ITEM": 50_00})
    return {
        "idempotencyKey": "CR-1",
        "sendId": id_of("Send", send.public_id),
        "amount": money(),
        "occurredAt": organizations.NOON.isoformat(),
    }


def _issue_credit() -> Input:
    return {
        "idempotencyKey": "CM-1",
        "vendorId": id_of("Vendor", sends.make_vendor().public_id),
        "amount": money(),
        "issuedOn": str(sends.DAY),
        "source": "The vendor's mail",
    }


def _use_credit() -> Input:
    memo = requests.make_credit_memo()
    return {
        "idempotencyKey": "order-1",
        "creditMemoId": id_of("CreditMemo", memo.public_id),
        "sendId": id_of("Send", sends.make_send(vendor=memo.vendor).public_id),
        "amount": money(),
        "usedOn": str(sends.DAY),
    }


def _revise_budget() -> Input:
    return {
        "idempotencyKey": f"key-{organizations.next_number()}",
        "budgetId": id_of("Budget", ledger.make_budget().public_id),
        "amount": money(),
        "reason": "The plan changed",
        "effectiveOn": str(sends.DAY),
    }


def _move_budget() -> Input:
    return {
        "idempotencyKey": f"key-{organizations.next_number()}",
        "fromBudgetId": id_of("Budget", ledger.make_budget().public_id),
        "toBudgetId": id_of("Budget", ledger.make_budget().public_id),
        "amount": money(),
        "reason": "Needed more over there",
        "effectiveOn": str(sends.DAY),
    }


def _set_budget_policy() -> Input:
    return {
        "idempotencyKey": f"key-{organizations.next_number()}",
        "budgetId": id_of("Budget", ledger.make_budget().public_id),
        "enforcement": "SOFT",
        "rollover": "CARRY_ALL",
        "capAmountMinor": 10_00,
        "reason": "As finance decided",
    }


def _propose_shared_terms() -> Input:
    pool = planning.make_pool()
    terms = pool.terms()
    period = pool.marketing.fiscal_period
    return {
        "idempotencyKey": f"key-{organizations.next_number()}",
        "sharedBudgetId": str(pool.shared_budget),
        "fiscalPeriodId": id_of("FiscalPeriod", period.public_id),
        "mode": "SHARED",
        "managerId": terms.manager_id,
        "managerLimitMinor": 10_00,
        "sides": [
            {
                "budgetId": id_of("Budget", budget.public_id),
                "representativeId": side.representative_id,
                "contributionMinor": side.contribution_minor,
                "floorMinor": side.floor_minor,
            }
            for budget, side in zip((pool.marketing, pool.sales), terms.sides, strict=True)
        ],
        "reason": "One plan for the quarter",
    }


def _lend_shared_budget() -> Input:
    pool = planning.make_pool()
    pool.agree(planning.managed_by(pool.terms(), organizations.admin_id()))
    return {
        "idempotencyKey": f"key-{organizations.next_number()}",
        "lenderId": id_of("Budget", pool.marketing.public_id),
        "borrowerId": id_of("Budget", pool.sales.public_id),
        "amount": money(),
        "requestedById": pool.sam.user_id,
        "reason": "A deal came early",
    }


def _repay_shared_loan() -> Input:
    loan = planning.make_loan()
    return {
        "idempotencyKey": f"key-{organizations.next_number()}",
        "loanId": str(loan.public_id),
        "amount": money(1_00),
        "reason": "As agreed",
    }


def _plan_forecast() -> Input:
    budget = ledger.make_budget()
    return {
        "forecastVersionId": str(planning.make_version().public_id),
        "budgetId": id_of("Budget", budget.public_id),
        "planned": money(),
        "remaining": money(4_00),
        "quantity": 3,
    }


# Each makes what the input names, in the organization that is entered.
ACCEPTED: Mapping[str, Callable[[], Input]] = {
    "agreeContractPrice": _price,
    "approveBudget": _approve_budget,
    "carryBudgetForward": _move_budget,
    "lendSharedBudget": _lend_shared_budget,
    "planForecast": _plan_forecast,
    "proposeSharedTerms": _propose_shared_terms,
    "repaySharedLoan": _repay_shared_loan,
    "reviseBudget": _revise_budget,
    "setBudgetPolicy": _set_budget_policy,
    "transferBudget": _move_budget,
    "issueCreditMemo": _issue_credit,
    "placePurchaseOrder": _place_order,
    "recordCreditNote": _credit_note,
    "recordOutsideSpend": _outside_spend,
    "recordReceipt": _receipt,
    "recordSendCharge": _charge,
    "recordVendorInvoice": _invoice,
    "refundSend": _refund,
    "requestSend": _request_send,
    "requestSendBatch": _request_batch,
    "setMatchTolerance": _tolerance,
    "defineGiftRule": _define_gift_rule,
    "defineApprovalPolicy": _define_approval_policy,
    "useCreditMemo": _use_credit,
}
# Mutations for which an amount below zero means something.
SIGNED: Mapping[str, str] = {"reviseBudget": "a revision may take away"}
# Mutations that post to no fiscal period.
TIMELESS: Mapping[str, str] = {
    "agreeContractPrice": "a price is agreed, not posted",
    "approveBudget": "a budget is planned, not posted",
    "planForecast": "a plan is never posted",
    "proposeSharedTerms": "terms are proposed, and posted when they hold",
    "setBudgetPolicy": "a policy is a rule",
    "issueCreditMemo": "a credit is kept, not posted",
    "requestSend": "a request reserves nothing",
    "requestSendBatch": "a request reserves nothing",
    "useCreditMemo": "it says how a gift was paid, not what it cost",
    "recordOutsideSpend": "a line is taken in; its claim is posted",
    "setMatchTolerance": "a tolerance is a rule",
    "defineGiftRule": "a rule limits gifts, and posts nothing",
    "defineApprovalPolicy": "a policy says who approves, and posts nothing",
}
