-- How hard a budget's limit is, what waits for approval, and the limits beside a commitment's own budget.

CALL protect_tenant('gifting_budgetpolicy');
CALL protect_tenant('gifting_dimensionvalue');
CALL protect_tenant('gifting_reach');
CALL protect_tenant('gifting_requestoutcome');
CALL protect_tenant('gifting_rollover');
CALL protect_tenant('gifting_spendrequest');

CALL link_tenant('gifting_budgetpolicy', 'budget_id', 'gifting_budget');
CALL link_tenant('gifting_budgetpolicy', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_budgetpolicy', 'claw_back_to_id', 'gifting_budget');
CALL link_tenant('gifting_reach', 'fund_id', 'gifting_fund');
CALL link_tenant('gifting_rollover', 'budget_id', 'gifting_budget');
CALL link_tenant('gifting_rollover', 'to_budget_id', 'gifting_budget');
CALL link_tenant('gifting_rollover', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_spendrequest', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_spendrequest', 'fund_id', 'gifting_fund');
CALL link_tenant('gifting_spendrequest', 'reach_id', 'gifting_reach');
CALL link_tenant('gifting_requestoutcome', 'request_id', 'gifting_spendrequest');
CALL link_tenant('gifting_requestoutcome', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_transfer', 'reach_id', 'gifting_reach');
CALL link_tenant('gifting_transfer', 'request_id', 'gifting_spendrequest');
CALL link_tenant('gifting_transfer', 'continues_id', 'gifting_commitment');

CALL seal_history('gifting_budgetpolicy');
CALL seal_history('gifting_reach');
CALL seal_history('gifting_requestoutcome');
CALL seal_history('gifting_rollover');
CALL seal_history('gifting_spendrequest');

REVOKE DELETE, TRUNCATE ON gifting_dimensionvalue FROM tribute_app;

-- The kinds of operation that post what is owed anyway. All others decide, and a decision may be refused.
CREATE FUNCTION posts_a_fact(kind text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT kind IN ('FACT', 'INVOICE') $$;

-- The scope of a budget is a sorted set of values that are there, and stays.
CREATE FUNCTION judge_budget_scope() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NEW.scope <> ARRAY(
        SELECT id FROM gifting_dimensionvalue
        WHERE organization_id = NEW.organization_id AND id = ANY (NEW.scope) ORDER BY id)
    THEN
        RAISE EXCEPTION 'the scope of a budget is a sorted set of dimension values'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'budget_scope_is_known';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER budget_scope_is_known BEFORE INSERT ON gifting_budget
    FOR EACH ROW WHEN (NEW.scope <> '{}') EXECUTE FUNCTION judge_budget_scope();
CREATE TRIGGER budget_scope_is_kept BEFORE UPDATE ON gifting_budget
    FOR EACH ROW WHEN (NEW.scope <> OLD.scope)
    EXECUTE FUNCTION refuse_rule('budget_scope_is_kept', 'what a budget is scoped by never changes');
CREATE TRIGGER fund_starts_without_requests BEFORE INSERT ON gifting_fund
    FOR EACH ROW WHEN (NEW.requested_minor <> 0)
    EXECUTE FUNCTION refuse_rule('fund_starts_empty', 'a fund starts empty');

-- The scoped funds that a use of the fund meets when it names these values.
CREATE FUNCTION matching_funds(owner_id uuid, home bigint, known bigint[]) RETURNS bigint[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    WITH RECURSIVE own AS (
        SELECT budget.* FROM gifting_fund AS fund JOIN gifting_budget AS budget
            ON budget.organization_id = fund.organization_id AND budget.id = fund.budget_id
        WHERE fund.organization_id = owner_id AND fund.id = home
    ), above (center, steps) AS (
        SELECT cost_center_id, 0 FROM own
        UNION ALL
        SELECT node.parent_id, above.steps + 1 FROM above JOIN gifting_costcenter AS node
            ON node.organization_id = owner_id AND node.id = above.center AND node.parent_id IS NOT NULL
        WHERE above.steps < 64
    )
    SELECT ARRAY(
        SELECT fund.id FROM own
        JOIN gifting_budget AS scoped ON scoped.organization_id = owner_id
            AND scoped.fiscal_period_id = own.fiscal_period_id AND scoped.currency = own.currency
            AND (scoped.campaign_id IS NULL OR scoped.campaign_id = own.campaign_id)
            AND scoped.cost_center_id IN (SELECT center FROM above)
            AND scoped.scope <> '{}' AND scoped.scope <@ known
        JOIN gifting_fund AS fund ON fund.organization_id = owner_id AND fund.budget_id = scoped.id
        WHERE fund.id <> home ORDER BY fund.id)
    $$;

-- A reach says what is so when it is written. Holding the ledger's lock, no budget is approved before it is used.
CREATE FUNCTION judge_reach() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(ledger_lock(NEW.organization_id));
    IF NEW.value_ids = '{}' OR NEW.value_ids <> ARRAY(
            SELECT id FROM gifting_dimensionvalue
            WHERE organization_id = NEW.organization_id AND id = ANY (NEW.value_ids) ORDER BY id)
        OR NEW.fund_ids <> matching_funds(NEW.organization_id, NEW.fund_id, NEW.value_ids)
    THEN
        RAISE EXCEPTION 'a reach holds every fund that is scoped by its values'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reach_is_whole';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER reach_is_judged BEFORE INSERT ON gifting_reach FOR EACH ROW EXECUTE FUNCTION judge_reach();

-- Return the reach of a use that names these values, written down if it is new; none when no value is known.
CREATE FUNCTION reach_of(owner_id uuid, home bigint, named bigint[]) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    known bigint[];
    reached bigint[];
    found bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(ledger_lock(owner_id));
    known := ARRAY(
        SELECT id FROM gifting_dimensionvalue WHERE organization_id = owner_id AND id = ANY (named) ORDER BY id);
    IF known = '{}' THEN
        RETURN NULL;
    END IF;
    reached := matching_funds(owner_id, home, known);
    SELECT id INTO found FROM gifting_reach
        WHERE organization_id = owner_id AND fund_id = home AND value_ids = known AND fund_ids = reached;
    IF found IS NULL THEN
        INSERT INTO gifting_reach (organization_id, fund_id, value_ids, fund_ids) VALUES (owner_id, home, known, reached)
            ON CONFLICT (organization_id, fund_id, value_ids, fund_ids) DO NOTHING;
        SELECT id INTO found FROM gifting_reach
            WHERE organization_id = owner_id AND fund_id = home AND value_ids = known AND fund_ids = reached;
    END IF;
    RETURN found;
END $$;

-- What becomes of reserved or spent money moves the funds that it moved first, whatever the caller says.
CREATE FUNCTION keep_reach() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    SELECT before.reach_id INTO NEW.reach_id FROM gifting_transfer AS before
        WHERE before.organization_id = NEW.organization_id AND before.id = coalesce(
            NEW.refunds_id, NEW.reverses_id,
            (SELECT pend_id FROM gifting_commitment
             WHERE organization_id = NEW.organization_id AND id = NEW.commitment_id));
    RETURN NEW;
END $$;

CREATE TRIGGER transfer_keeps_its_reach BEFORE INSERT ON gifting_transfer
    FOR EACH ROW WHEN (NEW.to_bucket <> 'OVERRUN' AND coalesce(NEW.refunds_id, NEW.reverses_id, NEW.commitment_id) IS NOT NULL)
    EXECUTE FUNCTION keep_reach();

-- Tell which fund has too little, how much, and what was asked of it. A decision finds less room where requests count.
DROP FUNCTION refuse_overspend(uuid, bigint, bigint);
CREATE FUNCTION refuse_overspend(owner_id uuid, fund bigint, asked bigint, decides boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    short gifting_fund;
BEGIN
    SELECT * INTO short FROM gifting_fund WHERE organization_id = owner_id AND id = fund;
    RAISE EXCEPTION 'the fund has less available than was asked for' USING
        ERRCODE = 'check_violation',
        CONSTRAINT = CASE WHEN short.is_parked THEN 'fund_is_parked'
            WHEN decides AND short.enforcement = 'SOFT' THEN 'overrun_needs_a_reason' ELSE 'no_overspend' END,
        DETAIL = jsonb_build_object(
            'fund', fund,
            'available', short.allocated_minor + short.overrun_minor - short.committed_minor - short.accrued_minor
                - short.actual_minor - CASE WHEN decides AND short.counts_requested THEN short.requested_minor ELSE 0 END,
            'requested', asked);
END $$;

-- Let a decision pass the room of a budget that is not HARD: what is lacking comes from OVERRUN, and the exception that
-- explains it is written with it. HARD refuses, and so does SOFT without a reason.
CREATE FUNCTION overrun_by_decision(owner_id uuid, fund bigint, asked bigint, released bigint, decision bigint,
        period bigint, day date) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    short gifting_fund;
    asking gifting_operation;
    step bigint;
BEGIN
    SELECT * INTO short FROM gifting_fund WHERE organization_id = owner_id AND id = fund FOR NO KEY UPDATE;
    SELECT * INTO asking FROM gifting_operation WHERE organization_id = owner_id AND id = decision;
    IF short.is_parked OR short.enforcement = 'HARD' OR posts_a_fact(asking.kind)
        OR short.enforcement = 'SOFT' AND asking.overrun_reason = ''
    THEN
        PERFORM refuse_overspend(owner_id, fund, asked, true);
    END IF;
    asked := short.committed_minor + short.accrued_minor + short.actual_minor + asked
        + CASE WHEN short.counts_requested THEN short.requested_minor + released ELSE 0 END
        - short.allocated_minor - short.overrun_minor;
    IF asked > 0 THEN
        INSERT INTO gifting_transfer (organization_id, operation_id, fund_id, fiscal_period_id, from_bucket, to_bucket,
            amount_minor, effective_on) VALUES (owner_id, decision, fund, period, 'OVERRUN', 'AVAILABLE', asked, day)
            RETURNING id INTO step;
        INSERT INTO gifting_overrunexception (organization_id, transfer_id, reason) VALUES (
            owner_id, step, coalesce(nullif(asking.overrun_reason, ''), 'Above the room of an advisory budget'));
    END IF;
END $$;

-- What comes back of a decision that passed the room pays back OVERRUN first, in each fund that it passed.
CREATE FUNCTION repay_decisions(owner_id uuid, steps bigint[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    INSERT INTO gifting_transfer (organization_id, operation_id, fund_id, fiscal_period_id, from_bucket, to_bucket,
        amount_minor, effective_on, commitment_id)
    SELECT owner_id, owed.operation_id, owed.fund_id, owed.period_id, 'AVAILABLE', 'OVERRUN',
        room.part, owed.day, owed.commitment_id
    FROM (
        SELECT freed.operation_id, freed.fund_id, freed.period_id, freed.day, freed.commitment_id, freed.back,
            (SELECT coalesce(sum(amount_minor), 0)::bigint FROM gifting_transfer AS taken
             WHERE taken.organization_id = owner_id AND taken.operation_id = freed.decision
                AND taken.fund_id = freed.fund_id AND taken.from_bucket = 'OVERRUN') AS taken,
            (SELECT coalesce(sum(repaid.amount_minor), 0)::bigint FROM gifting_transfer AS pend
             JOIN gifting_commitment AS made ON made.organization_id = owner_id AND made.pend_id = pend.id
             JOIN gifting_transfer AS repaid ON repaid.organization_id = owner_id AND repaid.commitment_id = made.id
                AND repaid.to_bucket = 'OVERRUN' AND repaid.fund_id = freed.fund_id
             WHERE pend.organization_id = owner_id AND pend.operation_id = freed.decision) AS repaid
        FROM (
            SELECT pend.operation_id AS decision, reached.fund_id, step.operation_id, step.fiscal_period_id AS period_id,
                max(step.effective_on) AS day, min(made.id) AS commitment_id, sum(step.amount_minor)::bigint AS back
            FROM gifting_transfer AS step
            LEFT JOIN gifting_transfer AS spend ON spend.organization_id = owner_id AND spend.id = step.refunds_id
            JOIN gifting_commitment AS made
                ON made.organization_id = owner_id AND made.id = coalesce(step.commitment_id, spend.commitment_id)
            JOIN gifting_transfer AS pend ON pend.organization_id = owner_id AND pend.id = made.pend_id,
            LATERAL (
                SELECT step.fund_id
                UNION SELECT ancestor_id FROM gifting_fundancestor
                    WHERE organization_id = owner_id AND fund_id = step.fund_id
                UNION SELECT unnest(fund_ids) FROM gifting_reach
                    WHERE organization_id = owner_id AND id = step.reach_id
            ) AS reached (fund_id)
            WHERE step.organization_id = owner_id AND step.id = ANY (steps)
            GROUP BY 1, 2, 3, 4
        ) AS freed
    ) AS owed
    JOIN gifting_fund AS fund ON fund.organization_id = owner_id AND fund.id = owed.fund_id,
    LATERAL (SELECT least(owed.back, owed.taken - owed.repaid, fund.overrun_minor, fund.allocated_minor
        + fund.overrun_minor - fund.committed_minor - fund.accrued_minor - fund.actual_minor)) AS room (part)
    WHERE room.part > 0 ORDER BY owed.fund_id;
END $$;

-- Judge the transfers of one statement, then move their commitments and funds, and make what they reserve.
CREATE OR REPLACE FUNCTION apply_transfers() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
    moved record;
    granted bigint;
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
        WHEN added.from_bucket = 'AVAILABLE' AND added.to_bucket IN ('COMMITTED', 'ACTUAL') AND EXISTS (
            SELECT FROM gifting_fund AS fund
            WHERE fund.organization_id = added.organization_id AND fund.id = added.fund_id AND fund.is_scoped)
            THEN 'scoped_budget_is_no_home'
        WHEN added.commitment_id IS NOT NULL AND added.to_bucket <> 'OVERRUN' AND NOT EXISTS (
            SELECT FROM gifting_commitment AS commitment
            WHERE commitment.organization_id = added.organization_id AND commitment.id = added.commitment_id
                AND commitment.fund_id = added.fund_id)
            THEN 'transfer_stays_in_its_fund'
        WHEN added.commitment_id IS NOT NULL AND NOT ARRAY[added.from_bucket, added.to_bucket]::text[]
            && ARRAY['COMMITTED', 'ACCRUED', 'OVERRUN'] THEN 'transfer_of_a_commitment_moves_it'
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
        WHEN added.reach_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM gifting_reach AS reach
            WHERE reach.organization_id = added.organization_id AND reach.id = added.reach_id
                AND reach.fund_id = added.fund_id) THEN 'reach_is_of_its_fund'
        WHEN added.request_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM gifting_spendrequest AS request
            WHERE request.organization_id = added.organization_id AND request.id = added.request_id
                AND request.fund_id = added.fund_id) THEN 'request_is_of_its_fund'
        WHEN added.request_id IS NOT NULL AND EXISTS (
            SELECT FROM gifting_requestoutcome AS ended
            WHERE ended.organization_id = added.organization_id AND ended.request_id = added.request_id)
            THEN 'request_is_open'
        WHEN added.continues_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM gifting_transfer AS let_go
            WHERE let_go.organization_id = added.organization_id AND let_go.operation_id = added.operation_id
                AND let_go.commitment_id = added.continues_id AND let_go.amount_minor = added.amount_minor
                AND (let_go.from_bucket, let_go.to_bucket) = ('COMMITTED', 'AVAILABLE'))
            THEN 'carried_commitment_is_let_go'
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
        FROM added WHERE commitment_id IS NOT NULL AND to_bucket <> 'OVERRUN' GROUP BY 1, 2 ORDER BY 2
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
            sum(requested)::bigint AS requested,
            max(operation_id) AS operation_id, max(fiscal_period_id) AS period_id, max(effective_on) AS day,
            coalesce(bool_or((from_bucket, to_bucket) = ('AVAILABLE', 'COMMITTED')), false) AS reserves
        FROM (
            SELECT organization_id, fund_id, from_bucket, to_bucket, amount_minor, 0::bigint AS requested,
                operation_id, fiscal_period_id, effective_on
            FROM added
            UNION ALL
            SELECT added.organization_id, above.ancestor_id, from_bucket, to_bucket, amount_minor, 0,
                operation_id, fiscal_period_id, effective_on
            FROM added JOIN gifting_fundancestor AS above
                ON above.organization_id = added.organization_id AND above.fund_id = added.fund_id
            WHERE NOT ARRAY[from_bucket, to_bucket]::text[] && ARRAY['SOURCE', 'OVERRUN']
            UNION ALL
            SELECT added.organization_id, beside.fund_id, from_bucket, to_bucket, amount_minor, 0,
                operation_id, fiscal_period_id, effective_on
            FROM added JOIN gifting_reach AS reach
                ON reach.organization_id = added.organization_id AND reach.id = added.reach_id,
                unnest(reach.fund_ids) AS beside (fund_id)
            WHERE NOT ARRAY[from_bucket, to_bucket]::text[] && ARRAY['SOURCE', 'OVERRUN']
            UNION ALL
            SELECT added.organization_id, waiting.fund_id, NULL, NULL, 0, -request.amount_minor,
                added.operation_id, added.fiscal_period_id, added.effective_on
            FROM added JOIN gifting_spendrequest AS request
                ON request.organization_id = added.organization_id AND request.id = added.request_id,
                unnest(request.fund_ids) AS waiting (fund_id)
        ) AS step GROUP BY 1, 2 ORDER BY 2
    LOOP
        FOR attempt IN 1..2 LOOP
            UPDATE gifting_fund SET
                allocated_minor = allocated_minor + moved.allocated,
                committed_minor = committed_minor + moved.committed,
                accrued_minor = accrued_minor + moved.accrued,
                actual_minor = actual_minor + moved.actual,
                overrun_minor = overrun_minor + moved.overrun,
                requested_minor = requested_minor + moved.requested,
                row_version = row_version + 1
            WHERE organization_id = moved.organization_id AND id = moved.fund_id
                AND NOT (is_parked AND moved.reserves)
                AND committed_minor + accrued_minor + actual_minor + moved.asked
                    + CASE WHEN moved.reserves AND counts_requested THEN requested_minor + moved.requested ELSE 0 END
                    <= allocated_minor + overrun_minor;
            EXIT WHEN FOUND;
            IF attempt = 2 OR NOT moved.reserves THEN
                PERFORM refuse_overspend(moved.organization_id, moved.fund_id, moved.asked);
            END IF;
            PERFORM overrun_by_decision(moved.organization_id, moved.fund_id, moved.asked, moved.requested,
                moved.operation_id, moved.period_id, moved.day);
        END LOOP;
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

    INSERT INTO gifting_requestoutcome (organization_id, request_id, operation_id, outcome)
        SELECT organization_id, request_id, operation_id, 'GRANTED' FROM added
        WHERE request_id IS NOT NULL ORDER BY request_id
        ON CONFLICT (organization_id, request_id) DO NOTHING;
    GET DIAGNOSTICS granted = ROW_COUNT;
    IF granted <> (SELECT count(*) FROM added WHERE request_id IS NOT NULL) THEN
        RAISE EXCEPTION 'a request ends once' USING ERRCODE = 'check_violation', CONSTRAINT = 'request_is_open';
    END IF;

    PERFORM repay_decisions(back.organization_id, back.steps) FROM (
        SELECT organization_id, array_agg(id) AS steps FROM added
        WHERE to_bucket = 'AVAILABLE' AND from_bucket IN ('COMMITTED', 'ACCRUED', 'ACTUAL') GROUP BY 1) AS back;
    RETURN NULL;
END $$;

-- A request is counted in its fund and in all that its commitment would move.
CREATE FUNCTION place_request() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(ledger_lock(NEW.organization_id));
    IF NEW.reach_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM gifting_reach
        WHERE organization_id = NEW.organization_id AND id = NEW.reach_id AND fund_id = NEW.fund_id)
        OR EXISTS (
        SELECT FROM gifting_fund
        WHERE organization_id = NEW.organization_id AND id = NEW.fund_id AND is_scoped)
    THEN
        RAISE EXCEPTION 'the request asks a fund for what is not its own'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'request_is_of_its_fund';
    END IF;
    NEW.fund_ids := ARRAY(
        SELECT NEW.fund_id
        UNION SELECT ancestor_id FROM gifting_fundancestor
            WHERE organization_id = NEW.organization_id AND fund_id = NEW.fund_id
        UNION SELECT unnest(fund_ids) FROM gifting_reach
            WHERE organization_id = NEW.organization_id AND id = NEW.reach_id
        ORDER BY 1);
    RETURN NEW;
END $$;

CREATE TRIGGER request_is_placed BEFORE INSERT ON gifting_spendrequest
    FOR EACH ROW EXECUTE FUNCTION place_request();

CREATE FUNCTION apply_requests() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    moved record;
BEGIN
    IF EXISTS (SELECT FROM added JOIN gifting_operation AS operation
            ON operation.organization_id = added.organization_id AND operation.id = added.operation_id
        WHERE operation.transaction_id <> pg_current_xact_id())
    THEN
        RAISE EXCEPTION 'a request joins no earlier operation'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_joins_no_earlier_operation';
    END IF;
    FOR moved IN
        SELECT added.organization_id, waiting.fund_id, sum(added.amount_minor)::bigint AS requested
        FROM added, unnest(added.fund_ids) AS waiting (fund_id) GROUP BY 1, 2 ORDER BY 2
    LOOP
        UPDATE gifting_fund SET requested_minor = requested_minor + moved.requested, row_version = row_version + 1
        WHERE organization_id = moved.organization_id AND id = moved.fund_id AND NOT is_parked
            AND (NOT counts_requested OR enforcement <> 'HARD'
                OR committed_minor + accrued_minor + actual_minor + requested_minor + moved.requested
                    <= allocated_minor + overrun_minor);
        IF NOT FOUND THEN
            PERFORM refuse_overspend(moved.organization_id, moved.fund_id, moved.requested, true);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER requests_apply AFTER INSERT ON gifting_spendrequest
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION apply_requests();

CREATE FUNCTION end_requests() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    moved record;
BEGIN
    FOR moved IN
        SELECT added.organization_id, waiting.fund_id, sum(request.amount_minor)::bigint AS requested
        FROM added JOIN gifting_spendrequest AS request
            ON request.organization_id = added.organization_id AND request.id = added.request_id,
            unnest(request.fund_ids) AS waiting (fund_id)
        WHERE added.outcome <> 'GRANTED' GROUP BY 1, 2 ORDER BY 2
    LOOP
        UPDATE gifting_fund SET requested_minor = requested_minor - moved.requested, row_version = row_version + 1
            WHERE organization_id = moved.organization_id AND id = moved.fund_id;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER requests_end AFTER INSERT ON gifting_requestoutcome
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION end_requests();
CREATE TRIGGER request_is_granted_by_its_commitment BEFORE INSERT ON gifting_requestoutcome
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND NEW.outcome = 'GRANTED')
    EXECUTE FUNCTION refuse_rule('request_is_granted_by_its_commitment', 'a commitment grants a request');

-- The newest policy of a budget is its fund's.
CREATE FUNCTION apply_policy() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    UPDATE gifting_fund SET
        enforcement = NEW.enforcement, counts_requested = NEW.counts_requested, row_version = row_version + 1
        WHERE organization_id = NEW.organization_id AND budget_id = NEW.budget_id;
    RETURN NULL;
END $$;

CREATE TRIGGER policy_applies AFTER INSERT ON gifting_budgetpolicy
    FOR EACH ROW EXECUTE FUNCTION apply_policy();

-- An overrun is a fact's, or a decision's about a budget that is not HARD; nobody says which but this.
CREATE FUNCTION judge_overrun() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    taken record;
BEGIN
    SELECT operation.kind, fund.enforcement, step.from_bucket INTO taken
    FROM gifting_transfer AS step
    JOIN gifting_operation AS operation
        ON operation.organization_id = step.organization_id AND operation.id = step.operation_id
    JOIN gifting_fund AS fund ON fund.organization_id = step.organization_id AND fund.id = step.fund_id
    WHERE step.organization_id = NEW.organization_id AND step.id = NEW.transfer_id;
    IF taken.from_bucket IS DISTINCT FROM 'OVERRUN' THEN
        RAISE EXCEPTION 'an exception explains an overrun'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'overrun_exception_explains_an_overrun';
    ELSIF NOT posts_a_fact(taken.kind) AND taken.enforcement = 'HARD' THEN
        RAISE EXCEPTION 'no decision passes a hard budget'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'hard_budget_is_never_passed';
    END IF;
    NEW.kind := CASE WHEN posts_a_fact(taken.kind) THEN 'FACT' WHEN taken.enforcement = 'SOFT' THEN 'DECISION'
        ELSE 'WARNING' END;
    RETURN NEW;
END $$;

CREATE TRIGGER overrun_is_judged BEFORE INSERT ON gifting_overrunexception
    FOR EACH ROW EXECUTE FUNCTION judge_overrun();
DROP TRIGGER overrun_exception_is_settled_once ON gifting_overrunexception;
CREATE TRIGGER overrun_exception_is_settled_once BEFORE UPDATE ON gifting_overrunexception
    FOR EACH ROW WHEN (OLD.resolved_at IS NOT NULL
        OR (NEW.organization_id, NEW.transfer_id, NEW.kind, NEW.reason, NEW.opened_at)
            IS DISTINCT FROM (OLD.organization_id, OLD.transfer_id, OLD.kind, OLD.reason, OLD.opened_at))
    EXECUTE FUNCTION refuse_rule('overrun_exception_is_settled_once', 'an exception is settled once, its reason kept');

-- What must be true when a transaction commits. By then it may have left its organization, so each check enters it.
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

-- Where the newest policy of a budget wants two people, an entry names who asked; that another one approved is a CHECK.
CREATE FUNCTION judge_entry_approval() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NEW.requested_by_id IS NULL AND (
        SELECT needs_two_people FROM gifting_budgetpolicy
        WHERE organization_id = NEW.organization_id AND budget_id = NEW.budget_id ORDER BY id DESC LIMIT 1)
    THEN
        RAISE EXCEPTION 'the entry does not name who asked for it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'budget_entry_needs_two_people';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER budget_entry_approval_is_judged BEFORE INSERT ON gifting_budgetentry
    FOR EACH ROW WHEN (NEW.kind <> 'ORIGINAL') EXECUTE FUNCTION judge_entry_approval();

-- Open the funds and registers of budgets, and hang each fund under those of the cost centers above it, in the same
-- period and currency. A budget that comes after budgets below it takes over what those use already. A scoped budget
-- stands beside the tree: it limits what names its values.
CREATE OR REPLACE FUNCTION open_funds(owner_id uuid, budget_ids bigint[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    below record;
BEGIN
    PERFORM pg_advisory_xact_lock(ledger_lock(owner_id));
    INSERT INTO gifting_fund (organization_id, budget_id, currency, is_scoped)
        SELECT organization_id, id, currency, scope <> '{}' FROM gifting_budget
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
            AND child.scope = '{}' AND parent.scope = '{}'
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

-- A budget is rolled over by what its register says.
CREATE FUNCTION judge_rollover() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    said record;
BEGIN
    SELECT
        coalesce(-sum(amount_minor) FILTER (WHERE kind = 'CARRY_FORWARD' AND budget_id = NEW.budget_id), 0) AS gone,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'CARRY_FORWARD' AND budget_id = NEW.to_budget_id), 0) AS come,
        coalesce(-sum(amount_minor) FILTER (WHERE kind = 'LAPSE' AND budget_id = NEW.budget_id), 0) AS lapsed
    INTO said FROM gifting_budgetentry
    WHERE organization_id = NEW.organization_id AND operation_id = NEW.operation_id;
    IF (said.gone, said.come, said.lapsed) IS DISTINCT FROM (
        (NEW.committed_minor + NEW.available_minor)::numeric, (NEW.committed_minor + NEW.available_minor)::numeric,
        NEW.lapsed_minor::numeric)
        OR NEW.committed_minor > (
            SELECT coalesce(sum(amount_minor), 0) FROM gifting_transfer
            WHERE organization_id = NEW.organization_id AND operation_id = NEW.operation_id
                AND continues_id IS NOT NULL)
    THEN
        RAISE EXCEPTION 'a rollover is what the register says'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rollover_is_what_its_entries_say';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER rollover_is_judged BEFORE INSERT ON gifting_rollover
    FOR EACH ROW EXECUTE FUNCTION judge_rollover();

REVOKE EXECUTE ON FUNCTION refuse_overspend(uuid, bigint, bigint, boolean), repay_decisions(uuid, bigint[]),
    overrun_by_decision(uuid, bigint, bigint, bigint, bigint, bigint, date), apply_requests(), end_requests(),
    apply_policy() FROM PUBLIC;
