"""What each report is the sum of: append-only facts, each with the transaction that added it.

Every query gives, one row a fact and figure: the fact (`fact_kind`, `fact_id`, `fact_on`,
`recorded_at`), whether it was there at the cut (`was_there`), the keys of the figure that it moves,
and by how much it moves each measure. A report is the sum of what was there; what changed since is
what was not, so that the two add up to what is now. Rollups and balances are never read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BUDGET_KEYS: Final = ("budget", "fiscal_period", "cost_center", "campaign", "currency")
BUDGET_MEASURES: Final = (
    "original",
    "revised",
    "committed",
    "accrued",
    "actual",
    "overrun",
    "available",
    "fx_difference",
)
REGISTER_KEYS: Final = (
    "entry",
    "budget",
    "fiscal_period",
    "entry_kind",
    "effective_on",
    "currency",
)
COMMITMENT_KEYS: Final = (
    "commitment",
    "budget",
    "cost_center",
    "effective_on",
    "reference",
    "currency",
)
COMMITMENT_MEASURES: Final = ("reserved", "posted", "voided", "accrued", "open")
POSTING_KEYS: Final = (
    "transfer",
    "operation_kind",
    "budget",
    "fiscal_period",
    "from_bucket",
    "to_bucket",
    "effective_on",
    "reference",
    "cause",
    "currency",
    "transaction_currency",
    "transaction_amount",
)
SPEND_DIMENSIONS: Final[Mapping[str, str]] = {
    "vendor": "vendor.public_id",
    "campaign": "campaign.public_id",
    "cost_center": "center.public_id",
    "fiscal_period": "period.public_id",
    "component": "line.component",
}


def was_there(fact: str) -> str:
    """Write the condition that a row's transaction was over at the cut; without a cut it was."""
    return (
        f"(%(cut)s::pg_snapshot IS NULL OR was_there({fact}.transaction_id, {fact}.cluster_epoch,"
        " %(cut)s::pg_snapshot, %(epoch)s::smallint))"
    )


def _flow(bucket: str, *, outward: bool = False) -> str:
    """Write by how much a transfer moves a bucket; the outside buckets count what they gave."""
    into, out_of = ("-", "") if outward else ("", "-")
    return (
        f"CASE '{bucket}' WHEN step.to_bucket THEN {into}step.amount_minor"
        f" WHEN step.from_bucket THEN {out_of}step.amount_minor ELSE 0 END"
    )


_OPERATION: Final = """JOIN gifting_operation AS operation
        ON operation.organization_id = step.organization_id AND operation.id = step.operation_id"""
_BUDGET_OF_FUND: Final = """JOIN gifting_fund AS fund
        ON fund.organization_id = step.organization_id AND fund.id = step.fund_id
    JOIN gifting_budget AS budget
        ON budget.organization_id = fund.organization_id AND budget.id = fund.budget_id
    JOIN gifting_costcenter AS center
        ON center.organization_id = budget.organization_id AND center.id = budget.cost_center_id"""
_ASKED: Final = """(%(budgets)s::uuid[] IS NULL OR budget.public_id = ANY (%(budgets)s::uuid[]))
        AND (%(periods)s::uuid[] IS NULL OR period.public_id = ANY (%(periods)s::uuid[]))
        AND (%(currency)s::text IS NULL OR budget.currency = %(currency)s)"""


def budgets(_: Mapping[str, Any]) -> str:
    """Tell the figures of budgets: what moved in their funds, in those below and those they reach.

    A use below a budget that was approved later counts once the budget is there, too.
    """
    scope = """JOIN gifting_budget AS budget
            ON budget.organization_id = fund.organization_id AND budget.id = fund.budget_id
        JOIN gifting_fiscalperiod AS period ON period.organization_id = budget.organization_id
            AND period.id = budget.fiscal_period_id
        JOIN gifting_costcenter AS center ON center.organization_id = budget.organization_id
            AND center.id = budget.cost_center_id
        LEFT JOIN gifting_campaign AS campaign ON campaign.organization_id = budget.organization_id
            AND campaign.id = budget.campaign_id
        JOIN gifting_budgetentry AS first ON first.organization_id = budget.organization_id
            AND first.budget_id = budget.id AND first.kind = 'ORIGINAL'
        JOIN gifting_operation AS opened ON opened.organization_id = first.organization_id
            AND opened.id = first.operation_id"""
    keys = """budget.public_id AS budget, period.public_id AS fiscal_period,
            center.public_id AS cost_center, campaign.public_id AS campaign, fund.currency"""
    return f"""
        SELECT 'TRANSFER' AS fact_kind, step.public_id AS fact_id, step.effective_on AS fact_on,
            step.recorded_at,
            {was_there("operation")} AND {was_there("opened")} AS was_there, {keys},
            CASE WHEN reached.is_own AND first.id = step.entry_id THEN step.amount_minor ELSE 0 END
                AS original,
            {_flow("SOURCE", outward=True)} AS revised, {_flow("COMMITTED")} AS committed,
            {_flow("ACCRUED")} AS accrued, {_flow("ACTUAL")} AS actual,
            {_flow("OVERRUN", outward=True)} AS overrun, {_flow("AVAILABLE")} AS available,
            CASE WHEN step.cause <> 'FX' THEN 0
                WHEN step.to_bucket = 'ACTUAL' THEN step.amount_minor
                WHEN step.from_bucket IN ('COMMITTED', 'ACCRUED') THEN -step.amount_minor
                ELSE 0 END AS fx_difference
        FROM gifting_transfer AS step {_OPERATION}
        CROSS JOIN LATERAL (
            SELECT step.fund_id, true
            UNION ALL SELECT above.ancestor_id, false FROM gifting_fundancestor AS above
            WHERE above.organization_id = step.organization_id AND above.fund_id = step.fund_id
                AND NOT ARRAY[step.from_bucket, step.to_bucket]::text[]
                    && ARRAY['SOURCE', 'OVERRUN']
            UNION ALL SELECT beside.fund_id, false
            FROM gifting_reach AS reach, unnest(reach.fund_ids) AS beside (fund_id)
            WHERE reach.organization_id = step.organization_id AND reach.id = step.reach_id
                AND NOT ARRAY[step.from_bucket, step.to_bucket]::text[]
                    && ARRAY['SOURCE', 'OVERRUN']
        ) AS reached (fund_id, is_own)
        JOIN gifting_fund AS fund
            ON fund.organization_id = step.organization_id AND fund.id = reached.fund_id
        {scope} WHERE {_ASKED}
        UNION ALL
        SELECT 'ENTRY', first.public_id, first.effective_on, first.recorded_at,
            {was_there("opened")}, {keys}, 0, 0, 0, 0, 0, 0, 0, 0
        FROM gifting_fund AS fund {scope} WHERE first.amount_minor = 0 AND {_ASKED}"""


def register(_: Mapping[str, Any]) -> str:
    """Tell the register: every entry that changed what a budget may spend."""
    return f"""
        SELECT 'ENTRY' AS fact_kind, step.public_id AS fact_id, step.effective_on AS fact_on,
            step.recorded_at, {was_there("operation")} AS was_there, step.public_id AS entry,
            budget.public_id AS budget, period.public_id AS fiscal_period, step.kind AS entry_kind,
            step.effective_on, budget.currency, step.amount_minor AS amount
        FROM gifting_budgetentry AS step {_OPERATION}
        JOIN gifting_budget AS budget
            ON budget.organization_id = step.organization_id AND budget.id = step.budget_id
        JOIN gifting_fiscalperiod AS period ON period.organization_id = step.organization_id
            AND period.id = step.fiscal_period_id
        WHERE {_ASKED}"""


def commitments(_: Mapping[str, Any]) -> str:
    """Tell commitments: what was reserved, and what became of it."""
    return f"""
        SELECT 'TRANSFER' AS fact_kind, step.public_id AS fact_id, step.effective_on AS fact_on,
            step.recorded_at, {was_there("operation")} AS was_there,
            commitment.public_id AS commitment, budget.public_id AS budget,
            center.public_id AS cost_center, pend.effective_on, pend.reference, budget.currency,
            CASE WHEN step.id = pend.id THEN step.amount_minor ELSE 0 END AS reserved,
            CASE WHEN step.id = pend.id THEN 0
                WHEN step.from_bucket = 'COMMITTED' AND step.to_bucket <> 'AVAILABLE'
                    THEN step.amount_minor
                WHEN step.to_bucket = 'COMMITTED' THEN -step.amount_minor ELSE 0 END AS posted,
            CASE WHEN (step.from_bucket, step.to_bucket) = ('COMMITTED', 'AVAILABLE')
                THEN step.amount_minor ELSE 0 END AS voided,
            {_flow("ACCRUED")} AS accrued, {_flow("COMMITTED")} AS open
        FROM gifting_transfer AS step {_OPERATION}
        JOIN gifting_commitment AS commitment ON commitment.organization_id = step.organization_id
            AND (commitment.pend_id = step.id OR commitment.id = step.commitment_id)
        JOIN gifting_transfer AS pend
            ON pend.organization_id = step.organization_id AND pend.id = commitment.pend_id
        {_BUDGET_OF_FUND}
        JOIN gifting_fiscalperiod AS period ON period.organization_id = budget.organization_id
            AND period.id = budget.fiscal_period_id
        WHERE {_ASKED}"""


def postings(_: Mapping[str, Any]) -> str:
    """Tell the ledger itself, transfer by transfer, in the periods that they were posted to."""
    return f"""
        SELECT 'TRANSFER' AS fact_kind, step.public_id AS fact_id, step.effective_on AS fact_on,
            step.recorded_at, {was_there("operation")} AS was_there, step.public_id AS transfer,
            operation.kind AS operation_kind, budget.public_id AS budget,
            period.public_id AS fiscal_period, step.from_bucket, step.to_bucket, step.effective_on,
            step.reference, step.cause, budget.currency,
            conversion.from_currency AS transaction_currency,
            step.transaction_amount_minor AS transaction_amount, step.amount_minor AS amount
        FROM gifting_transfer AS step {_OPERATION} {_BUDGET_OF_FUND}
        JOIN gifting_fiscalperiod AS period ON period.organization_id = step.organization_id
            AND period.id = step.fiscal_period_id
        LEFT JOIN gifting_conversion AS conversion
            ON conversion.organization_id = step.organization_id
            AND conversion.id = step.conversion_id
        WHERE {_ASKED}"""


def spend(parameters: Mapping[str, Any]) -> str:
    """Tell landed cost by any dimensions of the cost lines, which carry them for ever."""
    columns = "".join(f"{SPEND_DIMENSIONS[name]} AS {name}, " for name in parameters["by"])
    return f"""
        SELECT 'COST_LINE' AS fact_kind, line.public_id AS fact_id, line.occurred_on AS fact_on,
            line.recorded_at, {was_there("line")} AS was_there, {columns} line.currency,
            line.change_minor AS amount
        FROM gifting_costline AS line
        JOIN gifting_vendor AS vendor
            ON vendor.organization_id = line.organization_id AND vendor.id = line.vendor_id
        JOIN gifting_campaign AS campaign
            ON campaign.organization_id = line.organization_id AND campaign.id = line.campaign_id
        JOIN gifting_costcenter AS center
            ON center.organization_id = line.organization_id AND center.id = line.cost_center_id
        JOIN gifting_fiscalperiod AS period
            ON period.organization_id = line.organization_id AND period.id = line.fiscal_period_id
        WHERE (%(periods)s::uuid[] IS NULL OR period.public_id = ANY (%(periods)s::uuid[]))
            AND (%(currency)s::text IS NULL OR line.currency = %(currency)s)
            AND (%(vendors)s::uuid[] IS NULL OR vendor.public_id = ANY (%(vendors)s::uuid[]))
            AND (%(campaigns)s::uuid[] IS NULL OR campaign.public_id = ANY (%(campaigns)s::uuid[]))
            AND (%(cost_centers)s::uuid[] IS NULL
                OR center.public_id = ANY (%(cost_centers)s::uuid[]))"""
