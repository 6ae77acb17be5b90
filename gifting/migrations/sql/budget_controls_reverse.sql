DROP TRIGGER budget_scope_is_known ON gifting_budget;
DROP TRIGGER budget_scope_is_kept ON gifting_budget;
DROP TRIGGER fund_starts_without_requests ON gifting_fund;
DROP TRIGGER transfer_keeps_its_reach ON gifting_transfer;
DROP TRIGGER overrun_is_judged ON gifting_overrunexception;
DROP TRIGGER overrun_exception_is_settled_once ON gifting_overrunexception;
DROP TRIGGER budget_entry_approval_is_judged ON gifting_budgetentry;
CREATE TRIGGER overrun_exception_is_settled_once BEFORE UPDATE ON gifting_overrunexception
    FOR EACH ROW WHEN (OLD.resolved_at IS NOT NULL
        OR (NEW.organization_id, NEW.transfer_id, NEW.reason, NEW.opened_at)
            IS DISTINCT FROM (OLD.organization_id, OLD.transfer_id, OLD.reason, OLD.opened_at))
    EXECUTE FUNCTION refuse_rule('overrun_exception_is_settled_once', 'an exception is settled once, its reason kept');
DROP FUNCTION judge_rollover() CASCADE;
DROP FUNCTION apply_policy() CASCADE;
DROP FUNCTION end_requests() CASCADE;
DROP FUNCTION apply_requests() CASCADE;
DROP FUNCTION place_request() CASCADE;
DROP FUNCTION judge_reach() CASCADE;
DROP FUNCTION repay_decisions(uuid, bigint[]), overrun_by_decision(uuid, bigint, bigint, bigint, bigint, bigint, date),
    keep_reach(), judge_overrun(), judge_entry_approval(), judge_budget_scope(), posts_a_fact(text),
    reach_of(uuid, bigint, bigint[]), matching_funds(uuid, bigint, bigint[]),
    refuse_overspend(uuid, bigint, bigint, boolean);
ALTER TABLE gifting_transfer DROP CONSTRAINT gifting_transfer_reach_id_link;
ALTER TABLE gifting_transfer DROP CONSTRAINT gifting_transfer_request_id_link;
ALTER TABLE gifting_transfer DROP CONSTRAINT gifting_transfer_continues_id_link;

CREATE FUNCTION refuse_overspend(owner_id uuid, fund bigint, asked bigint) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    short gifting_fund;
BEGIN
    SELECT * INTO short FROM gifting_fund WHERE organization_id = owner_id AND id = fund;
    RAISE EXCEPTION 'the fund has less available than was asked for' USING
        ERRCODE = 'check_violation',
        CONSTRAINT = CASE WHEN short.is_parked THEN 'fund_is_parked' ELSE 'no_overspend' END,
        DETAIL = jsonb_build_object(
            'fund', fund,
            'available', short.allocated_minor + short.overrun_minor - short.committed_minor - short.accrued_minor
                - short.actual_minor,
            'requested', asked);
END $$;

CREATE OR REPLACE FUNCTION apply_transfers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
    moved record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(ledger_lock(owner.organization_id))
        FROM (SELECT DISTINCT organization_id FROM added) AS owner;
    -- FOR KEY SHARE, which a foreign key takes, would not keep a close waiting.
    PERFORM FROM gifting_fiscalperiod AS period
        WHERE (period.organization_id, period.id) IN (SELECT organization_id, fiscal_period_id FROM added)
        ORDER BY period.id FOR SHARE;

    SELECT CASE
        WHEN operation.transaction_id <> pg_current_xact_id() THEN 'transfer_joins_no_earlier_operation'
        WHEN period.status = 'CLOSED' THEN 'period_is_not_closed'
        WHEN added.effective_on >= period.ends_on THEN 'transfer_is_not_posted_before_its_day'
        WHEN added.entry_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM gifting_budgetentry AS entry
            JOIN gifting_fund AS fund ON fund.organization_id = entry.organization_id AND fund.budget_id = entry.budget_id
            WHERE entry.organization_id = added.organization_id AND entry.id = added.entry_id AND fund.id = added.fund_id
                AND entry.amount_minor = CASE added.from_bucket WHEN 'SOURCE' THEN 1 ELSE -1 END * added.amount_minor)
            THEN 'transfer_follows_its_entry'
        WHEN added.commitment_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM gifting_commitment AS commitment
            WHERE commitment.organization_id = added.organization_id AND commitment.id = added.commitment_id
                AND commitment.fund_id = added.fund_id)
            THEN 'transfer_stays_in_its_fund'
        WHEN added.commitment_id IS NOT NULL AND NOT ARRAY[added.from_bucket, added.to_bucket]::text[]
            && ARRAY['COMMITTED', 'ACCRUED'] THEN 'transfer_of_a_commitment_moves_it'
        WHEN added.refunds_id IS NOT NULL AND added.amount_minor > 0 AND NOT EXISTS (
            SELECT FROM gifting_transfer AS spend
            WHERE spend.organization_id = added.organization_id AND spend.id = added.refunds_id
                AND spend.fund_id = added.fund_id AND spend.to_bucket = 'ACTUAL') THEN 'refund_follows_its_spend'
        WHEN added.reverses_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM gifting_transfer AS step
            WHERE step.organization_id = added.organization_id AND step.id = added.reverses_id
                AND (step.fund_id, step.from_bucket, step.to_bucket, step.amount_minor)
                    = (added.fund_id, added.to_bucket, added.from_bucket, added.amount_minor)
                AND step.commitment_id IS NOT DISTINCT FROM added.commitment_id) THEN 'reversal_is_exact'
        END INTO fault
    FROM added
    JOIN gifting_operation AS operation
        ON operation.organization_id = added.organization_id AND operation.id = added.operation_id
    JOIN gifting_fiscalperiod AS period
        ON period.organization_id = added.organization_id AND period.id = added.fiscal_period_id
    ORDER BY 1 NULLS LAST LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the transfer breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;

    FOR moved IN
        SELECT organization_id, commitment_id,
            sum(CASE WHEN from_bucket = 'COMMITTED' AND to_bucket <> 'AVAILABLE' THEN amount_minor
                WHEN to_bucket = 'COMMITTED' THEN -amount_minor ELSE 0 END)::bigint AS posted,
            sum(CASE WHEN (from_bucket, to_bucket) = ('COMMITTED', 'AVAILABLE') THEN amount_minor ELSE 0 END)::bigint
                AS voided,
            sum(CASE WHEN to_bucket = 'ACCRUED' THEN amount_minor
                WHEN from_bucket = 'ACCRUED' THEN -amount_minor ELSE 0 END)::bigint AS accrued
        FROM added WHERE commitment_id IS NOT NULL GROUP BY 1, 2 ORDER BY 2
    LOOP
        UPDATE gifting_commitment SET
            posted_minor = posted_minor + moved.posted,
            voided_minor = voided_minor + moved.voided,
            accrued_minor = accrued_minor + moved.accrued
        WHERE organization_id = moved.organization_id AND id = moved.commitment_id;
    END LOOP;

    FOR moved IN
        SELECT organization_id, fund_id,
            sum(CASE 'SOURCE' WHEN from_bucket THEN amount_minor WHEN to_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS allocated,
            sum(CASE 'COMMITTED' WHEN to_bucket THEN amount_minor WHEN from_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS committed,
            sum(CASE 'ACCRUED' WHEN to_bucket THEN amount_minor WHEN from_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS accrued,
            sum(CASE 'ACTUAL' WHEN to_bucket THEN amount_minor WHEN from_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS actual,
            sum(CASE 'OVERRUN' WHEN from_bucket THEN amount_minor WHEN to_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS overrun,
            sum(CASE 'AVAILABLE' WHEN from_bucket THEN amount_minor WHEN to_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS asked,
            bool_or((from_bucket, to_bucket) = ('AVAILABLE', 'COMMITTED')) AS reserves
        FROM (
            SELECT organization_id, fund_id, from_bucket, to_bucket, amount_minor FROM added
            UNION ALL
            SELECT added.organization_id, above.ancestor_id, from_bucket, to_bucket, amount_minor
            FROM added JOIN gifting_fundancestor AS above
                ON above.organization_id = added.organization_id AND above.fund_id = added.fund_id
            WHERE NOT ARRAY[from_bucket, to_bucket]::text[] && ARRAY['SOURCE', 'OVERRUN']
        ) AS step GROUP BY 1, 2 ORDER BY 2
    LOOP
        UPDATE gifting_fund SET
            allocated_minor = allocated_minor + moved.allocated,
            committed_minor = committed_minor + moved.committed,
            accrued_minor = accrued_minor + moved.accrued,
            actual_minor = actual_minor + moved.actual,
            overrun_minor = overrun_minor + moved.overrun,
            row_version = row_version + 1
        WHERE organization_id = moved.organization_id AND id = moved.fund_id
            AND NOT (is_parked AND moved.reserves)
            AND committed_minor + accrued_minor + actual_minor + moved.asked <= allocated_minor + overrun_minor;
        IF NOT FOUND THEN
            PERFORM refuse_overspend(moved.organization_id, moved.fund_id, moved.asked);
        END IF;
    END LOOP;

    -- The fund is locked by now, so that two refunds of one spend see each other.
    IF EXISTS (
        SELECT FROM added JOIN gifting_transfer AS spend
            ON spend.organization_id = added.organization_id AND spend.id IN (added.refunds_id, added.reverses_id)
        WHERE spend.to_bucket = 'ACTUAL' AND spend.amount_minor < (
            SELECT sum(back.amount_minor) FROM gifting_transfer AS back
            WHERE back.organization_id = spend.organization_id
                AND (back.refunds_id = spend.id OR back.reverses_id = spend.id)))
    THEN
        RAISE EXCEPTION 'more is given back than was spent'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_are_within_the_spend';
    END IF;

    INSERT INTO gifting_commitment (organization_id, public_id, pend_id, fund_id, amount_minor, expires_at)
        SELECT organization_id, public_id, id, fund_id, amount_minor, expires_at FROM added
        WHERE (from_bucket, to_bucket) = ('AVAILABLE', 'COMMITTED') ORDER BY id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_at_commit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    chosen text := coalesce(current_setting('tribute.organization', true), '');
    holds boolean;
BEGIN
    PERFORM set_config('tribute.organization', NEW.organization_id::text, true);
    CASE TG_ARGV[0]
    WHEN 'transfer_pairs_sum_to_zero' THEN
        SELECT count(*) = 2 AND sum(entry.amount_minor) = 0 AND count(DISTINCT budget.currency) = 1
                AND count(DISTINCT entry.operation_id) = 1
                AND array_agg(entry.kind::text ORDER BY entry.kind) IN (
                    ARRAY['TRANSFER_IN', 'TRANSFER_OUT'], ARRAY['CARRY_FORWARD', 'CARRY_FORWARD'])
            INTO holds
            FROM gifting_budgetentry AS entry JOIN gifting_budget AS budget
                ON budget.organization_id = entry.organization_id AND budget.id = entry.budget_id
            WHERE entry.organization_id = NEW.organization_id AND entry.pair_id = NEW.pair_id;
    WHEN 'overrun_has_its_exception' THEN
        SELECT EXISTS (
            SELECT FROM gifting_overrunexception AS opened
            JOIN gifting_operation AS operation ON operation.organization_id = opened.organization_id
                AND operation.id = NEW.operation_id AND operation.kind IN ('FACT', 'INVOICE')
            WHERE opened.organization_id = NEW.organization_id AND opened.transfer_id = NEW.id) INTO holds;
    WHEN 'lineage_sums_to_its_spend' THEN
        SELECT spend.amount_minor = (
            SELECT coalesce(sum(paid.amount_minor), 0) FROM gifting_fundinglineage AS paid
            WHERE paid.organization_id = spend.organization_id AND paid.transfer_id = spend.id)
            INTO holds FROM gifting_transfer AS spend
            WHERE spend.organization_id = NEW.organization_id
                AND spend.id = (to_jsonb(NEW) ->> TG_ARGV[1])::bigint;
    END CASE;
    PERFORM set_config('tribute.organization', chosen, true);
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'the transaction breaks the rule %', TG_ARGV[0]
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0];
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION open_funds(owner_id uuid, budget_ids bigint[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    below record;
BEGIN
    PERFORM pg_advisory_xact_lock(ledger_lock(owner_id));
    INSERT INTO gifting_fund (organization_id, budget_id, currency)
        SELECT organization_id, id, currency FROM gifting_budget
        WHERE organization_id = owner_id AND id = ANY (budget_ids) ORDER BY id;
    INSERT INTO gifting_operation (organization_id, kind, user_id, idempotency_key, request_hash, response)
        SELECT organization_id, 'APPROVE', approved_by_id, 'budget:' || public_id,
            encode(sha256(convert_to(original_amount_minor || currency, 'UTF8')), 'hex'),
            jsonb_build_object('budget', public_id)
        FROM gifting_budget WHERE organization_id = owner_id AND id = ANY (budget_ids) ORDER BY id;
    INSERT INTO gifting_budgetentry (organization_id, budget_id, operation_id, fiscal_period_id, kind, amount_minor,
        effective_on, reason, approved_by_id)
    SELECT budget.organization_id, budget.id, operation.id, budget.fiscal_period_id, 'ORIGINAL',
        budget.original_amount_minor, period.starts_on, 'Approved', budget.approved_by_id
    FROM gifting_budget AS budget
    JOIN gifting_operation AS operation ON operation.organization_id = budget.organization_id
        AND operation.idempotency_key = 'budget:' || budget.public_id
    JOIN gifting_fiscalperiod AS period ON period.organization_id = budget.organization_id
        AND period.id = budget.fiscal_period_id
    WHERE budget.organization_id = owner_id AND budget.id = ANY (budget_ids) ORDER BY budget.id;

    INSERT INTO gifting_fundancestor (organization_id, fund_id, ancestor_id, depth)
    WITH RECURSIVE tree (node, above, steps) AS (
        SELECT id, id, 0 FROM gifting_costcenter WHERE organization_id = owner_id
        UNION ALL
        SELECT tree.node, center.parent_id, tree.steps + 1
        FROM tree JOIN gifting_costcenter AS center
            ON center.organization_id = owner_id AND center.id = tree.above AND center.parent_id IS NOT NULL
        WHERE tree.steps < 64
    ), pair AS (
        SELECT child.id AS child_id, parent.id AS parent_id,
            min(tree.steps + (child.campaign_id IS NOT NULL)::int) AS depth
        FROM tree
        JOIN gifting_budget AS child ON child.organization_id = owner_id AND child.cost_center_id = tree.node
        JOIN gifting_budget AS parent ON parent.organization_id = owner_id AND parent.cost_center_id = tree.above
            AND parent.campaign_id IS NULL AND parent.fiscal_period_id = child.fiscal_period_id
            AND parent.currency = child.currency AND parent.id <> child.id
        WHERE child.id = ANY (budget_ids) OR parent.id = ANY (budget_ids)
        GROUP BY 1, 2
    )
    SELECT owner_id, fund.id, ancestor.id, pair.depth FROM pair
    JOIN gifting_fund AS fund ON fund.organization_id = owner_id AND fund.budget_id = pair.child_id
    JOIN gifting_fund AS ancestor ON ancestor.organization_id = owner_id AND ancestor.budget_id = pair.parent_id
    ORDER BY fund.id, ancestor.id;

    -- Transfers of the funds below, not their balances, which hold what stands below those already.
    FOR below IN
        SELECT link.ancestor_id,
            sum(CASE 'COMMITTED' WHEN to_bucket THEN amount_minor WHEN from_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS committed,
            sum(CASE 'ACCRUED' WHEN to_bucket THEN amount_minor WHEN from_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS accrued,
            sum(CASE 'ACTUAL' WHEN to_bucket THEN amount_minor WHEN from_bucket THEN -amount_minor ELSE 0 END)::bigint
                AS actual
        FROM gifting_fundancestor AS link
        JOIN gifting_fund AS ancestor ON ancestor.organization_id = owner_id AND ancestor.id = link.ancestor_id
            AND ancestor.budget_id = ANY (budget_ids)
        JOIN gifting_transfer AS step ON step.organization_id = owner_id AND step.fund_id = link.fund_id
        WHERE link.organization_id = owner_id
            AND NOT ARRAY[step.from_bucket, step.to_bucket]::text[] && ARRAY['SOURCE', 'OVERRUN']
        GROUP BY 1 ORDER BY 1
    LOOP
        UPDATE gifting_fund SET
            committed_minor = below.committed, accrued_minor = below.accrued, actual_minor = below.actual,
            row_version = row_version + 1
        WHERE organization_id = owner_id AND id = below.ancestor_id
            AND below.committed + below.accrued + below.actual <= allocated_minor;
        IF NOT FOUND THEN
            PERFORM refuse_overspend(owner_id, below.ancestor_id, below.committed + below.accrued + below.actual);
        END IF;
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION refuse_overspend(uuid, bigint, bigint) FROM PUBLIC;
