-- Closes, journals and reconciliation. What a period was closed with is stored by whoever closes it, in that
-- transaction; what comes later is logged. The accounting system is told of each transfer once.

CALL protect_tenant('gifting_closepreparation');
CALL protect_tenant('gifting_closesignature');
CALL protect_tenant('gifting_closewaiver');
CALL protect_tenant('gifting_closingline');
CALL protect_tenant('gifting_glaccount');
CALL protect_tenant('gifting_glimport');
CALL protect_tenant('gifting_glline');
CALL protect_tenant('gifting_glmapping');
CALL protect_tenant('gifting_glrejectedline');
CALL protect_tenant('gifting_journalbatch');
CALL protect_tenant('gifting_journalfile');
CALL protect_tenant('gifting_journalitem');
CALL protect_tenant('gifting_periodclose');
CALL protect_tenant('gifting_reconciliationcause');
CALL protect_tenant('gifting_reconciliationexplanation');
CALL protect_tenant('gifting_reconciliationmatch');
CALL protect_tenant('gifting_reconciliationrun');
CALL protect_tenant('gifting_restatement');
CALL protect_tenant('gifting_spendcoding');

CALL link_tenant('gifting_closepreparation', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_closepreparation', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_closesignature', 'preparation_id', 'gifting_closepreparation');
CALL link_tenant('gifting_closesignature', 'period_close_id', 'gifting_periodclose');
CALL link_tenant('gifting_closewaiver', 'preparation_id', 'gifting_closepreparation');
CALL link_tenant('gifting_closingline', 'period_close_id', 'gifting_periodclose');
CALL link_tenant('gifting_closingline', 'fund_id', 'gifting_fund');
CALL link_tenant('gifting_glaccount', 'parent_id', 'gifting_glaccount');
CALL link_tenant('gifting_glimport', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_glline', 'gl_import_id', 'gifting_glimport');
CALL link_tenant('gifting_glmapping', 'cost_center_id', 'gifting_costcenter');
CALL link_tenant('gifting_glmapping', 'account_id', 'gifting_glaccount');
CALL link_tenant('gifting_glmapping', 'counter_account_id', 'gifting_glaccount');
CALL link_tenant('gifting_glrejectedline', 'gl_import_id', 'gifting_glimport');
CALL link_tenant('gifting_journalbatch', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_journalbatch', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_journalbatch', 'reverses_id', 'gifting_journalbatch');
CALL link_tenant('gifting_journalfile', 'batch_id', 'gifting_journalbatch');
CALL link_tenant('gifting_journalitem', 'batch_id', 'gifting_journalbatch');
CALL link_tenant('gifting_journalitem', 'transfer_id', 'gifting_transfer');
CALL link_tenant('gifting_journalitem', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_periodclose', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_periodclose', 'event_id', 'gifting_periodevent');
CALL link_tenant('gifting_reconciliationcause', 'run_id', 'gifting_reconciliationrun');
CALL link_tenant('gifting_reconciliationcause', 'gl_line_id', 'gifting_glline');
CALL link_tenant('gifting_reconciliationcause', 'transfer_id', 'gifting_transfer');
CALL link_tenant('gifting_reconciliationcause', 'explanation_id', 'gifting_reconciliationexplanation');
CALL link_tenant('gifting_reconciliationexplanation', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_reconciliationexplanation', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_reconciliationexplanation', 'gl_line_id', 'gifting_glline');
CALL link_tenant('gifting_reconciliationexplanation', 'transfer_id', 'gifting_transfer');
CALL link_tenant('gifting_reconciliationmatch', 'run_id', 'gifting_reconciliationrun');
CALL link_tenant('gifting_reconciliationmatch', 'gl_line_id', 'gifting_glline');
CALL link_tenant('gifting_reconciliationmatch', 'transfer_id', 'gifting_transfer');
CALL link_tenant('gifting_reconciliationrun', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_reconciliationrun', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_reconciliationrun', 'gl_import_id', 'gifting_glimport');
CALL link_tenant('gifting_restatement', 'transfer_id', 'gifting_transfer');
CALL link_tenant('gifting_restatement', 'period_close_id', 'gifting_periodclose');
CALL link_tenant('gifting_restatement', 'belongs_to_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_restatement', 'posted_to_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_spendcoding', 'operation_id', 'gifting_operation');

CALL seal_history('gifting_closepreparation');
CALL seal_history('gifting_closesignature');
CALL seal_history('gifting_closewaiver');
CALL seal_history('gifting_closingline');
CALL seal_history('gifting_glaccount');
CALL seal_history('gifting_glimport');
CALL seal_history('gifting_glline');
CALL seal_history('gifting_glmapping');
CALL seal_history('gifting_glrejectedline');
CALL seal_history('gifting_journalfile');
CALL seal_history('gifting_periodclose');
CALL seal_history('gifting_reconciliationcause');
CALL seal_history('gifting_reconciliationexplanation');
CALL seal_history('gifting_reconciliationmatch');
CALL seal_history('gifting_reconciliationrun');
CALL seal_history('gifting_restatement');
CALL seal_history('gifting_spendcoding');

-- What follows from events and transfers is written by triggers; a batch is voided and nothing else.
REVOKE INSERT ON gifting_periodclose, gifting_closingline, gifting_restatement FROM tribute_app;
REVOKE UPDATE, DELETE, TRUNCATE ON gifting_journalbatch, gifting_journalitem FROM tribute_app;
GRANT UPDATE (voided_at, voided_by_id, void_reason) ON gifting_journalbatch TO tribute_app;

CREATE FUNCTION refuse_at_books(rule text, message text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'check_violation', CONSTRAINT = rule;
END $$;

-- The figures of a period: what every bucket of every fund moved in it and stood at when it ended, and what the
-- accounting system was told of each account.
CREATE FUNCTION closing_figures(owner_id uuid, closed_id bigint)
    RETURNS TABLE (fund_id bigint, account_code text, bucket text, currency text, movement bigint, closing bigint)
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT step.fund_id, '', side.bucket, fund.currency,
        coalesce(sum(side.amount) FILTER (WHERE step.fiscal_period_id = closed_id), 0)::bigint,
        sum(side.amount)::bigint
    FROM gifting_fiscalperiod AS closed
    JOIN gifting_fiscalperiod AS period ON period.organization_id = closed.organization_id
        AND period.calendar_id = closed.calendar_id AND period.ends_on <= closed.ends_on
    JOIN gifting_transfer AS step ON step.organization_id = period.organization_id AND step.fiscal_period_id = period.id
    JOIN gifting_fund AS fund ON fund.organization_id = step.organization_id AND fund.id = step.fund_id
    -- The outside buckets hold what they gave, so their sign is the other way round.
    CROSS JOIN LATERAL (VALUES
        (step.from_bucket::text, CASE WHEN step.from_bucket IN ('SOURCE', 'OVERRUN') THEN 1 ELSE -1 END * step.amount_minor),
        (step.to_bucket::text, CASE WHEN step.to_bucket IN ('SOURCE', 'OVERRUN') THEN -1 ELSE 1 END * step.amount_minor)
    ) AS side (bucket, amount)
    WHERE closed.organization_id = owner_id AND closed.id = closed_id AND side.bucket <> 'AVAILABLE'
    GROUP BY step.fund_id, side.bucket, fund.currency
    UNION ALL
    SELECT NULL, side.account ->> 'code', '', batch.currency, sum(side.amount)::bigint, sum(side.amount)::bigint
    FROM gifting_journalbatch AS batch
    JOIN gifting_journalitem AS item ON item.organization_id = batch.organization_id AND item.batch_id = batch.id
    CROSS JOIN LATERAL (VALUES (item.debit, item.amount_minor), (item.credit, -item.amount_minor))
        AS side (account, amount)
    WHERE batch.organization_id = owner_id AND batch.fiscal_period_id = closed_id AND batch.voided_at IS NULL
    GROUP BY side.account ->> 'code', batch.currency
$$;

-- The period is locked by its event, so that every posting to it is there and no other one will be.
CREATE FUNCTION store_closing_figures() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        -- An older snapshot would miss what was posted while the event waited.
        PERFORM refuse_at_books('period_close_reads_what_is_committed', 'a period is closed in READ COMMITTED alone');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('journals:' || NEW.organization_id::text, 0));
    WITH figure AS MATERIALIZED (
        SELECT * FROM closing_figures(NEW.organization_id, NEW.fiscal_period_id)
    ), made AS (
        INSERT INTO gifting_periodclose (organization_id, fiscal_period_id, event_id, version, line_count,
            control_total_minor, sha256)
        SELECT NEW.organization_id, NEW.fiscal_period_id, NEW.id,
            1 + (SELECT count(*) FROM gifting_periodclose AS earlier
                 WHERE earlier.organization_id = NEW.organization_id
                    AND earlier.fiscal_period_id = NEW.fiscal_period_id),
            count(*), coalesce(sum(closing), 0),
            encode(sha256(convert_to(coalesce(string_agg(
                concat_ws('|', fund_id, account_code, bucket, currency, movement, closing), E'\n'
                ORDER BY fund_id, account_code COLLATE "C", bucket COLLATE "C", currency COLLATE "C"), ''), 'UTF8')), 'hex')
        FROM figure
        RETURNING id
    )
    INSERT INTO gifting_closingline (organization_id, period_close_id, fund_id, account_code, bucket, currency,
        movement_minor, closing_minor)
    SELECT NEW.organization_id, made.id, figure.fund_id, figure.account_code, figure.bucket, figure.currency,
        figure.movement, figure.closing
    FROM made CROSS JOIN figure;
    RETURN NULL;
END $$;

CREATE TRIGGER period_event_stores_closing_figures AFTER INSERT ON gifting_periodevent
    FOR EACH ROW WHEN (NEW.to_status = 'CLOSED') EXECUTE FUNCTION store_closing_figures();

-- A fact is posted where there is room for it; if the period of its day is closed, that is a restatement.
CREATE FUNCTION log_restatements() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    INSERT INTO gifting_restatement (organization_id, transfer_id, period_close_id, belongs_to_id, posted_to_id, cause,
        amount_minor, spend_change_minor, currency)
    SELECT added.organization_id, added.id, stood.id, belongs.id, posted.id, operation.kind, added.amount_minor,
        added.amount_minor * ((added.to_bucket IN ('ACCRUED', 'ACTUAL'))::int
            - (added.from_bucket IN ('ACCRUED', 'ACTUAL'))::int),
        fund.currency
    FROM added
    JOIN gifting_fiscalperiod AS posted
        ON posted.organization_id = added.organization_id AND posted.id = added.fiscal_period_id
        AND added.effective_on < posted.starts_on
    JOIN gifting_fiscalperiod AS belongs
        ON belongs.organization_id = added.organization_id AND belongs.calendar_id = posted.calendar_id
        AND belongs.starts_on <= added.effective_on AND added.effective_on < belongs.ends_on
        AND belongs.status = 'CLOSED'
    JOIN LATERAL (
        SELECT id FROM gifting_periodclose
        WHERE organization_id = added.organization_id AND fiscal_period_id = belongs.id
        ORDER BY version DESC LIMIT 1) AS stood ON true
    JOIN gifting_operation AS operation
        ON operation.organization_id = added.organization_id AND operation.id = added.operation_id
    JOIN gifting_fund AS fund ON fund.organization_id = added.organization_id AND fund.id = added.fund_id
    ORDER BY added.id;
    RETURN NULL;
END $$;

CREATE TRIGGER transfers_log_restatements AFTER INSERT ON gifting_transfer
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION log_restatements();

-- Who prepared is copied from the preparation, so that nobody else can be named for them.
CREATE FUNCTION copy_preparer() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    prepared gifting_closepreparation;
BEGIN
    SELECT * INTO prepared FROM gifting_closepreparation
        WHERE organization_id = NEW.organization_id AND id = NEW.preparation_id;
    NEW.prepared_by_id := prepared.prepared_by_id;
    IF TG_TABLE_NAME = 'gifting_closesignature' THEN
        IF NOT EXISTS (
            SELECT FROM gifting_periodclose AS closed
            WHERE closed.organization_id = NEW.organization_id AND closed.id = NEW.period_close_id
                AND closed.fiscal_period_id = prepared.fiscal_period_id) THEN
            PERFORM refuse_at_books('signature_is_of_the_prepared_period', 'a close is signed as it was prepared');
        END IF;
        IF EXISTS (
            SELECT FROM jsonb_array_elements(prepared.checks) AS checked
            WHERE NOT (checked ->> 'is_met')::boolean AND (checked ->> 'item' = 'SOFT_CLOSED' OR NOT EXISTS (
                SELECT FROM gifting_closewaiver AS waiver
                WHERE waiver.organization_id = NEW.organization_id AND waiver.preparation_id = prepared.id
                    AND waiver.item = checked ->> 'item'))) THEN
            PERFORM refuse_at_books('signature_waits_for_every_item', 'an item of the checklist is open');
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER close_waiver_names_the_preparer BEFORE INSERT ON gifting_closewaiver
    FOR EACH ROW EXECUTE FUNCTION copy_preparer();
CREATE TRIGGER close_signature_names_the_preparer BEFORE INSERT ON gifting_closesignature
    FOR EACH ROW EXECUTE FUNCTION copy_preparer();

-- Journals. The lock is held until the number is there for all to see, or given back.
CREATE FUNCTION number_journal_batch() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('journals:' || NEW.organization_id::text, 0));
    SELECT coalesce(max(number), 0) + 1 INTO NEW.number FROM gifting_journalbatch
        WHERE organization_id = NEW.organization_id;
    IF NEW.voided_at IS NOT NULL OR EXISTS (
        SELECT FROM gifting_operation AS operation
        WHERE operation.organization_id = NEW.organization_id AND operation.id = NEW.operation_id
            AND operation.transaction_id <> pg_current_xact_id()) THEN
        PERFORM refuse_at_books('journal_batch_is_made_by_its_operation', 'a batch is made by its operation, in force');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER journal_batch_is_numbered BEFORE INSERT ON gifting_journalbatch
    FOR EACH ROW EXECUTE FUNCTION number_journal_batch();

CREATE FUNCTION judge_journal_item() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    batch gifting_journalbatch;
    told record;
BEGIN
    SELECT * INTO batch FROM gifting_journalbatch WHERE organization_id = NEW.organization_id AND id = NEW.batch_id;
    NEW.kind := batch.kind;
    NEW.fiscal_period_id := batch.fiscal_period_id;
    NEW.is_voided := false;
    SELECT step.*, fund.currency, operation.transaction_id = pg_current_xact_id() AS is_now INTO told
    FROM gifting_transfer AS step
    JOIN gifting_fund AS fund ON fund.organization_id = step.organization_id AND fund.id = step.fund_id
    JOIN gifting_operation AS operation
        ON operation.organization_id = batch.organization_id AND operation.id = batch.operation_id
    WHERE step.organization_id = NEW.organization_id AND step.id = NEW.transfer_id;
    IF told.is_now IS NOT TRUE THEN
        PERFORM refuse_at_books('journal_item_comes_with_its_batch', 'items come with their batch');
    END IF;
    IF told.currency <> batch.currency OR NOT (CASE batch.kind
        WHEN 'SPEND' THEN told.fiscal_period_id = batch.fiscal_period_id AND told.amount_minor = NEW.amount_minor
            AND 'ACTUAL' IN (told.from_bucket, told.to_bucket)
        WHEN 'ACCRUAL' THEN 'ACCRUED' IN (told.from_bucket, told.to_bucket)
            AND NEW.amount_minor <= told.amount_minor
        WHEN 'REVERSAL' THEN EXISTS (
            SELECT FROM gifting_journalitem AS accrued
            WHERE accrued.organization_id = NEW.organization_id AND accrued.batch_id = batch.reverses_id
                AND (accrued.transfer_id, accrued.amount_minor, accrued.debit, accrued.credit)
                    = (NEW.transfer_id, NEW.amount_minor, NEW.credit, NEW.debit))
        END) THEN
        PERFORM refuse_at_books('journal_item_tells_its_transfer', 'an item tells what its transfer moved');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER journal_item_is_judged BEFORE INSERT ON gifting_journalitem
    FOR EACH ROW EXECUTE FUNCTION judge_journal_item();

CREATE TRIGGER journal_batch_is_voided_once BEFORE UPDATE ON gifting_journalbatch
    FOR EACH ROW WHEN (OLD.voided_at IS NOT NULL OR NEW.voided_at IS NULL
        OR (to_jsonb(NEW) - ARRAY['voided_at', 'voided_by_id', 'void_reason'])
            <> (to_jsonb(OLD) - ARRAY['voided_at', 'voided_by_id', 'void_reason']))
    EXECUTE FUNCTION refuse_rule('journal_batch_is_voided_once', 'a batch is voided once and changes in nothing else');
CREATE TRIGGER journal_reversal_follows_its_accrual BEFORE UPDATE ON gifting_journalbatch
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND OLD.kind = 'REVERSAL')
    EXECUTE FUNCTION refuse_rule('journal_reversal_follows_its_accrual', 'a reversal is voided with its accrual');
CREATE TRIGGER journal_item_is_kept BEFORE UPDATE ON gifting_journalitem
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 OR (to_jsonb(NEW) - 'is_voided') <> (to_jsonb(OLD) - 'is_voided'))
    EXECUTE FUNCTION refuse_rule('journal_item_is_kept', 'an item of a journal is kept as it was');

CREATE FUNCTION void_journal_items() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    UPDATE gifting_journalitem SET is_voided = true
        WHERE organization_id = NEW.organization_id AND batch_id = NEW.id;
    UPDATE gifting_journalbatch SET
        voided_at = NEW.voided_at, voided_by_id = NEW.voided_by_id, void_reason = NEW.void_reason
        WHERE organization_id = NEW.organization_id AND reverses_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER journal_batch_voids_its_items AFTER UPDATE ON gifting_journalbatch
    FOR EACH ROW EXECUTE FUNCTION void_journal_items();

-- A file is of the content that its batch was made with, to the byte.
CREATE TRIGGER journal_file_is_its_content BEFORE INSERT ON gifting_journalfile
    FOR EACH ROW WHEN (NEW.sha256 <> encode(sha256(NEW.content), 'hex'))
    EXECUTE FUNCTION refuse_rule('journal_file_is_its_content', 'the fingerprint is not that of the content');

-- The parts of a reconciliation come with their run.
CREATE FUNCTION judge_reconciliation_part() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM gifting_reconciliationrun AS run
        JOIN gifting_operation AS operation
            ON operation.organization_id = run.organization_id AND operation.id = run.operation_id
        WHERE run.organization_id = NEW.organization_id AND run.id = NEW.run_id
            AND operation.transaction_id = pg_current_xact_id()) THEN
        PERFORM refuse_at_books('reconciliation_part_comes_with_its_run', 'matches and causes come with their run');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER reconciliation_match_is_judged BEFORE INSERT ON gifting_reconciliationmatch
    FOR EACH ROW EXECUTE FUNCTION judge_reconciliation_part();
CREATE TRIGGER reconciliation_cause_is_judged BEFORE INSERT ON gifting_reconciliationcause
    FOR EACH ROW EXECUTE FUNCTION judge_reconciliation_part();

-- What must be true of a batch and of a run when their transaction commits.
CREATE FUNCTION check_books_at_commit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    chosen text := coalesce(current_setting('tribute.organization', true), '');
    rule text;
BEGIN
    PERFORM set_config('tribute.organization', NEW.organization_id::text, true);
    IF TG_TABLE_NAME = 'gifting_journalbatch' THEN
        rule := fault_of_journal_batch(NEW);
    ELSE
        rule := fault_of_reconciliation(NEW);
    END IF;
    PERFORM set_config('tribute.organization', chosen, true);
    IF rule IS NOT NULL THEN
        RAISE EXCEPTION 'the transaction breaks the rule %', rule
            USING ERRCODE = 'check_violation', CONSTRAINT = rule;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION fault_of_journal_batch(batch gifting_journalbatch) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT CASE
        WHEN (batch.item_count::bigint, batch.total_minor) IS DISTINCT FROM (
            SELECT (count(*), coalesce(sum(item.amount_minor), 0)::bigint) FROM gifting_journalitem AS item
            WHERE item.organization_id = batch.organization_id AND item.batch_id = batch.id)
            THEN 'journal_batch_is_its_items'
        WHEN batch.kind = 'ACCRUAL' AND NOT EXISTS (
            SELECT FROM gifting_journalbatch AS back
            JOIN gifting_fiscalperiod AS period
                ON period.organization_id = batch.organization_id AND period.id = batch.fiscal_period_id
            JOIN gifting_fiscalperiod AS next
                ON next.organization_id = batch.organization_id AND next.id = back.fiscal_period_id
            WHERE back.organization_id = batch.organization_id AND back.reverses_id = batch.id
                AND back.dated_on = period.ends_on AND next.starts_on = period.ends_on
                AND (back.item_count, back.total_minor, back.currency)
                    = (batch.item_count, batch.total_minor, batch.currency))
            THEN 'accrual_has_its_reversal'
        END
$$;

-- Every line is matched or has its cause, to the last unit, and the causes are what the run says.
CREATE FUNCTION fault_of_reconciliation(run gifting_reconciliationrun) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    WITH part AS (
        SELECT gl_line_id, amount_minor, true AS is_match FROM gifting_reconciliationmatch
            WHERE organization_id = run.organization_id AND run_id = run.id
        UNION ALL
        SELECT gl_line_id, amount_minor, false FROM gifting_reconciliationcause
            WHERE organization_id = run.organization_id AND run_id = run.id AND gl_line_id IS NOT NULL
    )
    SELECT CASE
        WHEN (run.explained_minor, run.unexplained_minor, run.is_clear) IS DISTINCT FROM (
            SELECT (coalesce(sum(cause.amount_minor) FILTER (WHERE cause.is_explained), 0)::bigint,
                coalesce(sum(cause.amount_minor) FILTER (WHERE NOT cause.is_explained), 0)::bigint,
                coalesce(bool_and(cause.is_explained), true))
            FROM gifting_reconciliationcause AS cause
            WHERE cause.organization_id = run.organization_id AND cause.run_id = run.id)
            THEN 'reconciliation_is_the_sum_of_its_causes'
        WHEN run.gl_total_minor IS DISTINCT FROM (SELECT coalesce(sum(amount_minor), 0)::bigint FROM part)
            OR EXISTS (
                SELECT FROM part JOIN gifting_glline AS line
                    ON line.organization_id = run.organization_id AND line.id = part.gl_line_id
                GROUP BY line.id, line.amount_minor, line.gl_import_id
                HAVING sum(part.amount_minor) <> line.amount_minor OR line.gl_import_id <> run.gl_import_id)
            THEN 'reconciliation_accounts_for_every_line'
        WHEN EXISTS (
            SELECT FROM part JOIN gifting_glline AS line
                ON line.organization_id = run.organization_id AND line.id = part.gl_line_id
            WHERE part.is_match
            GROUP BY line.id, line.amount_minor
            HAVING abs(sum(part.amount_minor)) > abs(line.amount_minor)
                OR bool_or(sign(part.amount_minor) <> sign(line.amount_minor)))
            THEN 'reconciliation_match_is_within_the_line'
        WHEN EXISTS (
            SELECT FROM gifting_reconciliationmatch AS matched
            JOIN gifting_transfer AS step
                ON step.organization_id = matched.organization_id AND step.id = matched.transfer_id
            WHERE matched.organization_id = run.organization_id AND matched.run_id = run.id
            GROUP BY matched.transfer_id, matched.role, step.amount_minor
            HAVING abs(sum(matched.amount_minor)) > step.amount_minor)
            THEN 'reconciliation_match_is_within_the_transfer'
        END
$$;

-- A run's totals are those of both ledgers, as they are when it is made.
CREATE FUNCTION judge_reconciliation() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    total bigint;
BEGIN
    IF EXISTS (
        SELECT FROM gifting_operation AS operation
        WHERE operation.organization_id = NEW.organization_id AND operation.id = NEW.operation_id
            AND operation.transaction_id <> pg_current_xact_id()) THEN
        PERFORM refuse_at_books('reconciliation_is_made_by_its_operation', 'a run is made by its operation');
    END IF;
    SELECT coalesce(sum(line.amount_minor), 0) INTO total FROM gifting_glline AS line
        JOIN gifting_glaccount AS account
            ON account.organization_id = line.organization_id AND account.code = line.account_code
        WHERE line.organization_id = NEW.organization_id AND line.gl_import_id = NEW.gl_import_id
            AND line.currency = NEW.currency AND account.kind IN ('EXPENSE', 'CONTRA_REVENUE');
    IF total <> NEW.gl_total_minor THEN
        PERFORM refuse_at_books('reconciliation_reads_the_general_ledger', 'the general ledger adds up otherwise');
    END IF;
    SELECT coalesce(sum(step.amount_minor * ((step.to_bucket IN ('ACCRUED', 'ACTUAL'))::int
            - (step.from_bucket IN ('ACCRUED', 'ACTUAL'))::int)), 0) INTO total
        FROM gifting_transfer AS step
        JOIN gifting_fund AS fund ON fund.organization_id = step.organization_id AND fund.id = step.fund_id
        WHERE step.organization_id = NEW.organization_id AND step.fiscal_period_id = NEW.fiscal_period_id
            AND fund.currency = NEW.currency;
    IF total <> NEW.ours_total_minor THEN
        PERFORM refuse_at_books('reconciliation_reads_our_ledger', 'our ledger adds up otherwise');
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER reconciliation_is_judged BEFORE INSERT ON gifting_reconciliationrun
    FOR EACH ROW EXECUTE FUNCTION judge_reconciliation();

CREATE CONSTRAINT TRIGGER journal_batch_is_whole AFTER INSERT ON gifting_journalbatch
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_books_at_commit();
CREATE CONSTRAINT TRIGGER reconciliation_is_whole AFTER INSERT ON gifting_reconciliationrun
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_books_at_commit();

REVOKE EXECUTE ON FUNCTION store_closing_figures(), log_restatements(), void_journal_items(), check_books_at_commit()
    FROM PUBLIC;
