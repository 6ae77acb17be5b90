-- Decisions are somebody else's, whatever stands between, and none of them spends what facts overran.

-- Tell which fund has too little, how much, and what was asked of it. A reservation finds less room where requests count,
-- and may pass a SOFT limit with a reason, which the register cannot; no decision finds room in what facts overran of HARD.
DROP FUNCTION refuse_overspend(uuid, bigint, bigint, boolean);
CREATE FUNCTION refuse_overspend(owner_id uuid, fund bigint, asked bigint, reserves boolean DEFAULT false,
        decides boolean DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    short gifting_fund;
BEGIN
    SELECT * INTO short FROM gifting_fund WHERE organization_id = owner_id AND id = fund;
    RAISE EXCEPTION 'the fund has less available than was asked for' USING
        ERRCODE = 'check_violation',
        CONSTRAINT = CASE WHEN short.is_parked THEN 'fund_is_parked'
            WHEN reserves AND short.enforcement = 'SOFT' THEN 'overrun_needs_a_reason' ELSE 'no_overspend' END,
        DETAIL = jsonb_build_object(
            'fund', fund,
            'available', short.allocated_minor + short.overrun_minor - short.committed_minor - short.accrued_minor
                - short.actual_minor - CASE WHEN coalesce(decides, reserves) AND short.enforcement = 'HARD' THEN short.overrun_minor ELSE 0 END
                - CASE WHEN reserves AND short.counts_requested THEN short.requested_minor ELSE 0 END,
            'requested', asked);
END $$;
REVOKE EXECUTE ON FUNCTION refuse_overspend(uuid, bigint, bigint, boolean, boolean) FROM PUBLIC;

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
            coalesce(bool_or((from_bucket, to_bucket) = ('AVAILABLE', 'COMMITTED')), false) AS reserves,
            coalesce(bool_or(decides), false) AS decides
        FROM (
            SELECT organization_id, fund_id, from_bucket, to_bucket, amount_minor, 0::bigint AS requested,
                operation_id, fiscal_period_id, effective_on,
                CASE WHEN entry_id IS NULL
                    THEN (from_bucket, to_bucket) = ('AVAILABLE', 'COMMITTED') AND continues_id IS NULL
                    ELSE EXISTS (
                        SELECT FROM gifting_budgetentry AS entry
                        WHERE entry.organization_id = added.organization_id AND entry.id = added.entry_id
                            AND entry.kind IN ('TRANSFER_OUT', 'LAPSE')) END AS decides
            FROM added
            UNION ALL
            SELECT added.organization_id, above.ancestor_id, from_bucket, to_bucket, amount_minor, 0,
                operation_id, fiscal_period_id, effective_on,
                (from_bucket, to_bucket) = ('AVAILABLE', 'COMMITTED') AND added.continues_id IS NULL
            FROM added JOIN gifting_fundancestor AS above
                ON above.organization_id = added.organization_id AND above.fund_id = added.fund_id
            WHERE NOT ARRAY[from_bucket, to_bucket]::text[] && ARRAY['SOURCE', 'OVERRUN']
            UNION ALL
            SELECT added.organization_id, beside.fund_id, from_bucket, to_bucket, amount_minor, 0,
                operation_id, fiscal_period_id, effective_on,
                (from_bucket, to_bucket) = ('AVAILABLE', 'COMMITTED') AND added.continues_id IS NULL
            FROM added JOIN gifting_reach AS reach
                ON reach.organization_id = added.organization_id AND reach.id = added.reach_id,
                unnest(reach.fund_ids) AS beside (fund_id)
            WHERE NOT ARRAY[from_bucket, to_bucket]::text[] && ARRAY['SOURCE', 'OVERRUN']
            UNION ALL
            SELECT added.organization_id, waiting.fund_id, NULL, NULL, 0, -request.amount_minor,
                added.operation_id, added.fiscal_period_id, added.effective_on, true
            FROM added JOIN gifting_spendrequest AS request
                ON request.organization_id = added.organization_id AND request.id = added.request_id,
                unnest(request.fund_ids) AS waiting (fund_id)
        ) AS step GROUP BY 1, 2 ORDER BY 2
    LOOP
        -- What a fact overran is owed, not room: a decision about a HARD budget finds what was allocated.
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
                    <= allocated_minor + CASE WHEN moved.decides AND enforcement = 'HARD' THEN 0 ELSE overrun_minor END;
            EXIT WHEN FOUND;
            IF attempt = 2 OR NOT moved.reserves THEN
                PERFORM refuse_overspend(moved.organization_id, moved.fund_id, moved.asked, moved.reserves, moved.decides);
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

CREATE OR REPLACE FUNCTION apply_requests() RETURNS trigger
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
                    <= allocated_minor);
        IF NOT FOUND THEN
            PERFORM refuse_overspend(moved.organization_id, moved.fund_id, moved.requested, true);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- What a token asks for is asked for by who made the token, who so cannot decide on it.
CREATE OR REPLACE FUNCTION judge_send_request() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
    terms gifting_moneytiming;
BEGIN
    IF NEW.token_id IS NOT NULL THEN
        SELECT created_by_id INTO NEW.requested_by_id FROM gifting_servicetoken
            WHERE organization_id = NEW.organization_id AND id = NEW.token_id;
    END IF;
    PERFORM FROM gifting_moneytiming WHERE organization_id = NEW.organization_id AND id = NEW.money_timing_id FOR SHARE;
    SELECT * INTO terms FROM gifting_moneytiming
        WHERE organization_id = NEW.organization_id AND id = NEW.money_timing_id;
    SELECT CASE
        WHEN jsonb_typeof(NEW.estimate) <> 'object' OR EXISTS (
            SELECT FROM jsonb_each(NEW.estimate) AS part
            WHERE jsonb_typeof(part.value) <> 'number' OR part.value::text !~ '^[0-9]{1,18}$'
                OR part.key IN ('REFUND', 'BREAKAGE'))
            THEN 'send_request_estimate_is_amounts'
        WHEN NEW.total_minor <> (SELECT coalesce(sum(part.value::text::numeric), 0) FROM jsonb_each(NEW.estimate) AS part)
            THEN 'send_request_total_is_its_estimate'
        WHEN terms.id IS NOT NULL AND (terms.gift_kind NOT IN (NEW.gift_kind, 'ANY')
                OR terms.starts_on > NEW.requested_on OR terms.ends_on <= NEW.requested_on
                OR terms.vendor_id <> (SELECT vendor_id FROM gifting_send
                    WHERE organization_id = NEW.organization_id AND id = NEW.send_id))
            THEN 'send_request_terms_hold_for_it'
        END INTO fault;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the request breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION judge_send_decision() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    SELECT coalesce(request.requested_by_id, token.created_by_id) INTO NEW.requested_by_id
        FROM gifting_sendrequest AS request LEFT JOIN gifting_servicetoken AS token
            ON token.organization_id = request.organization_id AND token.id = request.token_id
        WHERE request.organization_id = NEW.organization_id AND request.send_id = NEW.send_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only what was requested is decided'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_decision_has_its_request';
    END IF;
    RETURN NEW;
END $$;

-- An invoice that a token brought in was entered by who made the token.
CREATE OR REPLACE FUNCTION name_exception_requester() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    SELECT coalesce(invoice.recorded_by_id, token.created_by_id) INTO NEW.requested_by_id
        FROM gifting_vendorinvoice AS invoice
        JOIN gifting_operation AS operation
            ON operation.organization_id = invoice.organization_id AND operation.id = invoice.operation_id
        LEFT JOIN gifting_servicetoken AS token
            ON token.organization_id = operation.organization_id AND token.id = operation.token_id
        WHERE invoice.organization_id = NEW.organization_id AND invoice.id = NEW.invoice_id;
    RETURN NEW;
END $$;

-- Who stands behind an operation: its person, or who made the token that it was asked for by.
CREATE FUNCTION person_behind(owner_id uuid, wanted bigint) RETURNS integer
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT coalesce(operation.user_id, token.created_by_id)
    FROM gifting_operation AS operation LEFT JOIN gifting_servicetoken AS token
        ON token.organization_id = operation.organization_id AND token.id = operation.token_id
    WHERE operation.organization_id = owner_id AND operation.id = wanted
    $$;

CREATE TRIGGER overrun_exception_starts_open BEFORE INSERT ON gifting_overrunexception
    FOR EACH ROW WHEN (NEW.resolved_at IS NOT NULL OR NEW.approved_by_id IS NOT NULL OR NEW.resolution <> '')
    EXECUTE FUNCTION refuse_rule('overrun_exception_starts_open', 'an exception starts open');

-- An overrun is settled by somebody else than who posted it.
CREATE FUNCTION judge_overrun_settlement() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NEW.approved_by_id = (
        SELECT person_behind(step.organization_id, step.operation_id) FROM gifting_transfer AS step
        WHERE step.organization_id = NEW.organization_id AND step.id = NEW.transfer_id)
    THEN
        RAISE EXCEPTION 'an overrun is settled by somebody else than who posted it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'overrun_is_settled_by_another';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER overrun_is_settled_by_another BEFORE UPDATE ON gifting_overrunexception
    FOR EACH ROW EXECUTE FUNCTION judge_overrun_settlement();

CREATE TRIGGER service_token_maker_is_kept BEFORE UPDATE ON gifting_servicetoken
    FOR EACH ROW WHEN (NEW.created_by_id IS DISTINCT FROM OLD.created_by_id)
    EXECUTE FUNCTION refuse_rule('service_token_maker_is_kept', 'who made a token never changes');

-- What a person closes for good is signed by the end of the transaction. By then it may have left its organization.
CREATE FUNCTION check_close_is_signed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    chosen text := coalesce(current_setting('tribute.organization', true), '');
    holds boolean;
BEGIN
    PERFORM set_config('tribute.organization', NEW.organization_id::text, true);
    SELECT EXISTS (
        SELECT FROM gifting_periodclose AS closed JOIN gifting_closesignature AS signature
            ON signature.organization_id = closed.organization_id AND signature.period_close_id = closed.id
        WHERE closed.organization_id = NEW.organization_id AND closed.event_id = NEW.id) INTO holds;
    PERFORM set_config('tribute.organization', chosen, true);
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'a person closes a period by a signature'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'period_close_is_signed';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER period_close_is_signed AFTER INSERT ON gifting_periodevent
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.to_status = 'CLOSED' AND NEW.user_id IS NOT NULL)
    EXECUTE FUNCTION check_close_is_signed();

CREATE TRIGGER budget_approver_is_kept BEFORE UPDATE ON gifting_budget
    FOR EACH ROW WHEN (NEW.approved_by_id IS DISTINCT FROM OLD.approved_by_id)
    EXECUTE FUNCTION refuse_rule('budget_approver_is_kept', 'who approved a budget never changes');
