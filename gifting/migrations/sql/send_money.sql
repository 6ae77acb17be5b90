-- The money of sends: the terms of vendors, requests, decisions, what is known of a send, and which posting bears what
-- of its cost. All of it is history but for the day on which terms end.

CALL protect_tenant('gifting_costshare');
CALL protect_tenant('gifting_moneytiming');
CALL protect_tenant('gifting_sendcommitment');
CALL protect_tenant('gifting_senddecision');
CALL protect_tenant('gifting_sendfact');
CALL protect_tenant('gifting_sendposting');
CALL protect_tenant('gifting_sendrequest');
CALL protect_tenant('gifting_sendshare');

CALL link_tenant('gifting_costshare', 'cost_line_id', 'gifting_costline');
CALL link_tenant('gifting_costshare', 'fund_id', 'gifting_fund');
CALL link_tenant('gifting_costshare', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_moneytiming', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_sendcommitment', 'send_id', 'gifting_send');
CALL link_tenant('gifting_sendcommitment', 'commitment_id', 'gifting_commitment');
CALL link_tenant('gifting_sendcommitment', 'fund_id', 'gifting_fund');
CALL link_tenant('gifting_senddecision', 'send_id', 'gifting_send');
CALL link_tenant('gifting_senddecision', 'token_id', 'gifting_servicetoken');
CALL link_tenant('gifting_senddecision', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_sendfact', 'send_id', 'gifting_send');
CALL link_tenant('gifting_sendposting', 'send_id', 'gifting_send');
CALL link_tenant('gifting_sendposting', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_sendrequest', 'send_id', 'gifting_send');
CALL link_tenant('gifting_sendrequest', 'money_timing_id', 'gifting_moneytiming');
CALL link_tenant('gifting_sendrequest', 'token_id', 'gifting_servicetoken');
CALL link_tenant('gifting_sendshare', 'send_id', 'gifting_send');
CALL link_tenant('gifting_sendshare', 'budget_id', 'gifting_budget');

CALL seal_history('gifting_costshare');
CALL seal_history('gifting_sendcommitment');
CALL seal_history('gifting_senddecision');
CALL seal_history('gifting_sendfact');
CALL seal_history('gifting_sendposting');
CALL seal_history('gifting_sendrequest');
CALL seal_history('gifting_sendshare');

REVOKE UPDATE, DELETE, TRUNCATE ON gifting_moneytiming FROM tribute_app;
GRANT UPDATE (ends_on) ON gifting_moneytiming TO tribute_app;

-- Terms are ended, not rewritten, and never before a send that has them.
CREATE FUNCTION keep_money_timing() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF (to_jsonb(NEW) - 'ends_on') <> (to_jsonb(OLD) - 'ends_on') OR OLD.ends_on IS NOT NULL THEN
        RAISE EXCEPTION 'terms are ended once, and new ones added'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'money_timing_is_ended_once';
    END IF;
    IF EXISTS (SELECT FROM gifting_sendrequest WHERE organization_id = NEW.organization_id
            AND money_timing_id = NEW.id AND requested_on >= NEW.ends_on) THEN
        RAISE EXCEPTION 'sends were requested under these terms after that day'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'money_timing_covers_its_sends';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER money_timing_is_kept BEFORE UPDATE ON gifting_moneytiming
    FOR EACH ROW EXECUTE FUNCTION keep_money_timing();

CREATE FUNCTION judge_send_request() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
    terms gifting_moneytiming;
BEGIN
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

CREATE TRIGGER send_request_is_judged BEFORE INSERT ON gifting_sendrequest
    FOR EACH ROW EXECUTE FUNCTION judge_send_request();

CREATE FUNCTION judge_send_share() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF EXISTS (SELECT FROM gifting_senddecision WHERE organization_id = NEW.organization_id AND send_id = NEW.send_id)
    THEN
        RAISE EXCEPTION 'the shares of a send are fixed by its first decision'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_shares_are_fixed';
    END IF;
    IF NOT EXISTS (
        SELECT FROM gifting_sendrequest AS request JOIN gifting_budget AS budget
            ON budget.organization_id = request.organization_id AND budget.id = NEW.budget_id
        WHERE request.organization_id = NEW.organization_id AND request.send_id = NEW.send_id
            AND request.currency = budget.currency)
    THEN
        RAISE EXCEPTION 'a send is paid by budgets of its currency'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_share_is_in_its_currency';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER send_share_is_judged BEFORE INSERT ON gifting_sendshare
    FOR EACH ROW EXECUTE FUNCTION judge_send_share();

CREATE FUNCTION judge_send_decision() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    SELECT requested_by_id INTO NEW.requested_by_id FROM gifting_sendrequest
        WHERE organization_id = NEW.organization_id AND send_id = NEW.send_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only what was requested is decided'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_decision_has_its_request';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER send_decision_is_judged BEFORE INSERT ON gifting_senddecision
    FOR EACH ROW EXECUTE FUNCTION judge_send_decision();

-- An approval has its whole money when it commits. By then the transaction may have left its organization.
CREATE FUNCTION check_send_approval() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    chosen text := coalesce(current_setting('tribute.organization', true), '');
    holds boolean;
BEGIN
    PERFORM set_config('tribute.organization', NEW.organization_id::text, true);
    SELECT request.total_minor = (
        SELECT coalesce(sum(part.amount_minor), 0) FROM gifting_sendcommitment AS part
        WHERE part.organization_id = NEW.organization_id AND part.send_id = NEW.send_id)
        INTO holds FROM gifting_sendrequest AS request
        WHERE request.organization_id = NEW.organization_id AND request.send_id = NEW.send_id;
    PERFORM set_config('tribute.organization', chosen, true);
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'an approval reserves the whole estimate'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_approval_has_its_money';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER send_approval_has_its_money AFTER INSERT ON gifting_senddecision
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.outcome = 'APPROVED')
    EXECUTE FUNCTION check_send_approval();

-- A send draws from what its own decision reserved, at that moment, and all draws of a commitment fit in it.
CREATE FUNCTION check_send_commitments() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
BEGIN
    SELECT CASE
        WHEN EXISTS (
            SELECT FROM added
            JOIN gifting_commitment AS commitment
                ON commitment.organization_id = added.organization_id AND commitment.id = added.commitment_id
            JOIN gifting_transfer AS pend
                ON pend.organization_id = commitment.organization_id AND pend.id = commitment.pend_id
            JOIN gifting_operation AS operation
                ON operation.organization_id = pend.organization_id AND operation.id = pend.operation_id
            LEFT JOIN gifting_senddecision AS decision
                ON decision.organization_id = added.organization_id AND decision.send_id = added.send_id
                AND decision.operation_id = operation.id
            WHERE decision.id IS NULL OR commitment.fund_id <> added.fund_id
                OR operation.transaction_id <> pg_current_xact_id())
            THEN 'send_commitment_is_its_decisions'
        WHEN EXISTS (
            SELECT FROM gifting_commitment AS commitment
            WHERE (commitment.organization_id, commitment.id) IN (SELECT organization_id, commitment_id FROM added)
                AND commitment.amount_minor < (
                    SELECT sum(part.amount_minor) FROM gifting_sendcommitment AS part
                    WHERE part.organization_id = commitment.organization_id
                        AND part.commitment_id = commitment.id))
            THEN 'send_commitments_fit'
        END INTO fault;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the draw breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER send_commitments_are_checked AFTER INSERT ON gifting_sendcommitment
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_send_commitments();

CREATE FUNCTION judge_send_fact() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM gifting_sendrequest
            WHERE organization_id = NEW.organization_id AND send_id = NEW.send_id) THEN
        RAISE EXCEPTION 'facts are kept of sends whose money is in the ledger'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_fact_has_its_request';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER send_fact_is_judged BEFORE INSERT ON gifting_sendfact
    FOR EACH ROW EXECUTE FUNCTION judge_send_fact();

CREATE FUNCTION judge_send_posting() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM gifting_operation WHERE organization_id = NEW.organization_id
            AND id = NEW.operation_id AND transaction_id = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'a posting is linked to its send when it is made'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_posting_joins_no_earlier_operation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER send_posting_is_judged BEFORE INSERT ON gifting_sendposting
    FOR EACH ROW EXECUTE FUNCTION judge_send_posting();

-- A cost line of a send whose money is in the ledger comes with its shares, in the statement that adds it.
CREATE FUNCTION check_cost_lines_are_shared() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN gifting_sendrequest AS request
            ON request.organization_id = added.organization_id AND request.send_id = added.send_id
        WHERE added.change_minor <> (
            SELECT coalesce(sum(share.amount_minor), 0) FROM gifting_costshare AS share
            WHERE share.organization_id = added.organization_id AND share.cost_line_id = added.id))
    THEN
        RAISE EXCEPTION 'the cost of a send whose money is in the ledger is shared by its funds'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_shares_sum_to_their_line';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER cost_lines_are_shared AFTER INSERT ON gifting_costline
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_cost_lines_are_shared();

-- Shares sum to the change of their line, and by operation and fund to what it moved into accrued and actual.
CREATE FUNCTION check_cost_shares() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
BEGIN
    SELECT CASE
        WHEN EXISTS (
            SELECT FROM gifting_costline AS line
            WHERE (line.organization_id, line.id) IN (SELECT organization_id, cost_line_id FROM added)
                AND line.change_minor <> (
                    SELECT sum(share.amount_minor) FROM gifting_costshare AS share
                    WHERE share.organization_id = line.organization_id AND share.cost_line_id = line.id))
            THEN 'cost_shares_sum_to_their_line'
        WHEN EXISTS (
            SELECT FROM added JOIN gifting_operation AS operation
                ON operation.organization_id = added.organization_id AND operation.id = added.operation_id
            WHERE operation.transaction_id <> pg_current_xact_id())
            THEN 'cost_share_joins_no_earlier_operation'
        WHEN EXISTS (
            SELECT FROM (
                SELECT share.organization_id, share.operation_id, share.fund_id, sum(share.amount_minor) AS amount
                FROM gifting_costshare AS share
                WHERE (share.organization_id, share.operation_id)
                    IN (SELECT organization_id, operation_id FROM added) GROUP BY 1, 2, 3
            ) AS borne
            WHERE borne.amount <> (
                SELECT coalesce(sum(CASE WHEN step.to_bucket IN ('ACCRUED', 'ACTUAL') THEN step.amount_minor ELSE 0 END
                    - CASE WHEN step.from_bucket IN ('ACCRUED', 'ACTUAL') THEN step.amount_minor ELSE 0 END), 0)
                FROM gifting_transfer AS step
                WHERE step.organization_id = borne.organization_id AND step.operation_id = borne.operation_id
                    AND step.fund_id = borne.fund_id))
            THEN 'cost_shares_are_what_was_posted'
        END INTO fault;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the shares break the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER cost_shares_are_checked AFTER INSERT ON gifting_costshare
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_cost_shares();

REVOKE EXECUTE ON FUNCTION check_send_approval(), check_send_commitments(), check_cost_lines_are_shared(),
    check_cost_shares() FROM PUBLIC;
