-- Procurement: papers are history, their numbers compare whatever their spelling, and no match exceeds what it matches.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CALL protect_tenant('gifting_contractprice');
CALL protect_tenant('gifting_creditnote');
CALL protect_tenant('gifting_creditnoteline');
CALL protect_tenant('gifting_match');
CALL protect_tenant('gifting_matchexception');
CALL protect_tenant('gifting_matchpolicy');
CALL protect_tenant('gifting_outsidespend');
CALL protect_tenant('gifting_pricetier');
CALL protect_tenant('gifting_purchaseorder');
CALL protect_tenant('gifting_purchaseorderline');
CALL protect_tenant('gifting_receipt');
CALL protect_tenant('gifting_vendoridentity');
CALL protect_tenant('gifting_vendorinvoice');
CALL protect_tenant('gifting_vendorinvoiceline');
CALL protect_tenant('gifting_vendormerge');

CALL link_tenant('gifting_contractprice', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_contractprice', 'gift_item_id', 'gifting_giftitem');
CALL link_tenant('gifting_creditnote', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_creditnote', 'invoice_id', 'gifting_vendorinvoice');
CALL link_tenant('gifting_creditnote', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_creditnote', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_creditnoteline', 'credit_note_id', 'gifting_creditnote');
CALL link_tenant('gifting_creditnoteline', 'invoice_line_id', 'gifting_vendorinvoiceline');
CALL link_tenant('gifting_match', 'order_line_id', 'gifting_purchaseorderline');
CALL link_tenant('gifting_match', 'receipt_id', 'gifting_receipt');
CALL link_tenant('gifting_match', 'invoice_line_id', 'gifting_vendorinvoiceline');
CALL link_tenant('gifting_match', 'policy_id', 'gifting_matchpolicy');
CALL link_tenant('gifting_matchexception', 'invoice_id', 'gifting_vendorinvoice');
CALL link_tenant('gifting_matchexception', 'invoice_line_id', 'gifting_vendorinvoiceline');
CALL link_tenant('gifting_matchexception', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_outsidespend', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_outsidespend', 'cost_center_id', 'gifting_costcenter');
CALL link_tenant('gifting_outsidespend', 'budget_id', 'gifting_budget');
CALL link_tenant('gifting_outsidespend', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_pricetier', 'contract_price_id', 'gifting_contractprice');
CALL link_tenant('gifting_purchaseorder', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_purchaseorder', 'cost_center_id', 'gifting_costcenter');
CALL link_tenant('gifting_purchaseorder', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_purchaseorderline', 'order_id', 'gifting_purchaseorder');
CALL link_tenant('gifting_purchaseorderline', 'gift_item_id', 'gifting_giftitem');
CALL link_tenant('gifting_purchaseorderline', 'budget_id', 'gifting_budget');
CALL link_tenant('gifting_purchaseorderline', 'commitment_id', 'gifting_commitment');
CALL link_tenant('gifting_receipt', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_receipt', 'order_line_id', 'gifting_purchaseorderline');
CALL link_tenant('gifting_receipt', 'send_id', 'gifting_send');
CALL link_tenant('gifting_receipt', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_receipt', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_receipt', 'cost_center_id', 'gifting_costcenter');
CALL link_tenant('gifting_vendoridentity', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_vendorinvoice', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_vendorinvoice', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_vendorinvoice', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_vendorinvoiceline', 'invoice_id', 'gifting_vendorinvoice');
CALL link_tenant('gifting_vendorinvoiceline', 'order_line_id', 'gifting_purchaseorderline');
CALL link_tenant('gifting_vendorinvoiceline', 'budget_id', 'gifting_budget');
CALL link_tenant('gifting_vendorinvoiceline', 'expected_operation_id', 'gifting_operation');
CALL link_tenant('gifting_vendorinvoiceline', 'variance_operation_id', 'gifting_operation');
CALL link_tenant('gifting_vendormerge', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_vendormerge', 'into_id', 'gifting_vendor');
CALL link_tenant('gifting_vendormerge', 'undoes_id', 'gifting_vendormerge');

CALL seal_history('gifting_creditnote');
CALL seal_history('gifting_creditnoteline');
CALL seal_history('gifting_match');
CALL seal_history('gifting_matchpolicy');
CALL seal_history('gifting_pricetier');
CALL seal_history('gifting_purchaseorder');
CALL seal_history('gifting_purchaseorderline');
CALL seal_history('gifting_receipt');
CALL seal_history('gifting_vendorinvoice');
CALL seal_history('gifting_vendorinvoiceline');
CALL seal_history('gifting_vendormerge');

-- What a person decides later is written beside what was there, and nothing else of the row.
REVOKE UPDATE, DELETE, TRUNCATE ON gifting_contractprice, gifting_matchexception, gifting_outsidespend,
    gifting_vendoridentity FROM tribute_app;
GRANT UPDATE (ends_on) ON gifting_contractprice TO tribute_app;
GRANT UPDATE (resolution, reason, resolved_by_id, resolved_at) ON gifting_matchexception TO tribute_app;
GRANT UPDATE (vendor_id, confidence_basis_points, budget_id, cost_center_id, operation_id, claimed_by_id, claimed_at)
    ON gifting_outsidespend TO tribute_app;
GRANT UPDATE (retired_at) ON gifting_vendoridentity TO tribute_app;

CREATE TRIGGER contract_price_is_only_ended BEFORE UPDATE ON gifting_contractprice
    FOR EACH ROW WHEN ((to_jsonb(NEW) - 'ends_on') <> (to_jsonb(OLD) - 'ends_on')
        OR NEW.ends_on IS NULL OR NEW.ends_on > OLD.ends_on)
    EXECUTE FUNCTION refuse_rule('contract_price_is_only_ended', 'a contract price is ended, never extended or changed');
CREATE TRIGGER match_exception_starts_open BEFORE INSERT ON gifting_matchexception
    FOR EACH ROW WHEN (NEW.resolved_at IS NOT NULL)
    EXECUTE FUNCTION refuse_rule('match_exception_starts_open', 'an exception starts open');
CREATE TRIGGER match_exception_is_settled_once BEFORE UPDATE ON gifting_matchexception
    FOR EACH ROW WHEN (OLD.resolved_at IS NOT NULL
        OR (NEW.organization_id, NEW.invoice_id, NEW.invoice_line_id, NEW.operation_id, NEW.outcome, NEW.detail,
            NEW.requested_by_id, NEW.opened_at)
        IS DISTINCT FROM (OLD.organization_id, OLD.invoice_id, OLD.invoice_line_id, OLD.operation_id, OLD.outcome,
            OLD.detail, OLD.requested_by_id, OLD.opened_at))
    EXECUTE FUNCTION refuse_rule('match_exception_is_settled_once', 'an exception is settled once and otherwise kept');
CREATE TRIGGER outside_spend_is_kept BEFORE UPDATE ON gifting_outsidespend
    FOR EACH ROW WHEN ((NEW.organization_id, NEW.source, NEW.native_id, NEW.merchant, NEW.spent_on, NEW.amount_minor,
            NEW.currency)
        IS DISTINCT FROM (OLD.organization_id, OLD.source, OLD.native_id, OLD.merchant, OLD.spent_on, OLD.amount_minor,
            OLD.currency))
    EXECUTE FUNCTION refuse_rule('outside_spend_is_kept', 'a line of another system stays as it was told');
CREATE TRIGGER outside_spend_is_claimed_once BEFORE UPDATE ON gifting_outsidespend
    FOR EACH ROW WHEN (OLD.claimed_at IS NOT NULL
        AND (NEW.budget_id, NEW.cost_center_id, NEW.operation_id, NEW.claimed_by_id, NEW.claimed_at)
            IS DISTINCT FROM (OLD.budget_id, OLD.cost_center_id, OLD.operation_id, OLD.claimed_by_id, OLD.claimed_at))
    EXECUTE FUNCTION refuse_rule('outside_spend_is_claimed_once', 'outside spend is claimed once');
CREATE TRIGGER vendor_identity_is_retired_once BEFORE UPDATE ON gifting_vendoridentity
    FOR EACH ROW WHEN (OLD.retired_at IS NOT NULL
        OR (to_jsonb(NEW) - 'retired_at') <> (to_jsonb(OLD) - 'retired_at'))
    EXECUTE FUNCTION refuse_rule('vendor_identity_is_retired_once', 'an identity is retired once and otherwise kept');

-- The keys of a paper's number; `gifting.domain.documents` computes the same.
CREATE FUNCTION document_number_key(number text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT regexp_replace(
        regexp_replace(
            translate(normalize(number, NFKC), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a0\u2000-\u206f\u2212]+', '', 'g'),
        '(?<![0-9])0+(?=[0-9])', '', 'g') $$;

CREATE FUNCTION document_number_parts(number text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT regexp_replace(
        regexp_replace(
            btrim(regexp_replace(
                translate(normalize(number, NFKC), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
                '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a0\u2000-\u206f\u2212]+', ' ', 'g'), ' '),
            '(?<![0-9])0+(?=[0-9])', '', 'g'),
        '(?<![0-9]) | (?![0-9])', '', 'g') $$;

CREATE FUNCTION key_document() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    NEW.number_key := document_number_key(NEW.number);
    NEW.number_parts := document_number_parts(NEW.number);
    RETURN NEW;
END $$;

CREATE TRIGGER purchase_order_is_keyed BEFORE INSERT ON gifting_purchaseorder
    FOR EACH ROW EXECUTE FUNCTION key_document();
CREATE TRIGGER vendor_invoice_is_keyed BEFORE INSERT ON gifting_vendorinvoice
    FOR EACH ROW EXECUTE FUNCTION key_document();
CREATE TRIGGER credit_note_is_keyed BEFORE INSERT ON gifting_creditnote
    FOR EACH ROW EXECUTE FUNCTION key_document();

-- An order line is backed by a commitment of its budget, of its whole cost, in the order's currency.
CREATE FUNCTION judge_order_line() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM gifting_commitment AS reserved
        JOIN gifting_fund AS fund ON fund.organization_id = reserved.organization_id AND fund.id = reserved.fund_id
        JOIN gifting_purchaseorder AS placed
            ON placed.organization_id = reserved.organization_id AND placed.id = NEW.order_id
        WHERE reserved.organization_id = NEW.organization_id AND reserved.id = NEW.commitment_id
            AND fund.budget_id = NEW.budget_id AND fund.currency = placed.currency
            AND reserved.amount_minor::numeric
                = NEW.quantity::numeric * NEW.unit_price_minor + NEW.nonrecoverable_tax_minor
            AND (NOT placed.is_blanket OR NEW.unit_price_minor = 1))
    THEN
        RAISE EXCEPTION 'an order line is backed by a commitment of its budget over its whole cost'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_line_is_backed';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER order_line_is_backed BEFORE INSERT ON gifting_purchaseorderline
    FOR EACH ROW EXECUTE FUNCTION judge_order_line();

-- A receipt of an order line is worth its units at the order's price, and belongs to the order's vendor.
CREATE FUNCTION judge_receipt() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NEW.order_line_id IS NULL THEN
        IF NEW.amount_minor <> 0 THEN
            RAISE EXCEPTION 'a receipt without an order has no price'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_is_worth_its_order';
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM gifting_purchaseorderline AS line
        JOIN gifting_purchaseorder AS placed
            ON placed.organization_id = line.organization_id AND placed.id = line.order_id
        WHERE line.organization_id = NEW.organization_id AND line.id = NEW.order_line_id
            AND placed.vendor_id = NEW.vendor_id AND placed.currency = NEW.currency
            AND placed.cost_center_id = NEW.cost_center_id
            AND NEW.amount_minor::numeric = NEW.quantity::numeric * line.unit_price_minor)
    THEN
        RAISE EXCEPTION 'a receipt is worth its units at the price of its order'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_is_worth_its_order';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER receipt_is_worth_its_order BEFORE INSERT ON gifting_receipt
    FOR EACH ROW EXECUTE FUNCTION judge_receipt();

-- A position of an order is paid by the order's budget, in the order's currency.
CREATE FUNCTION judge_invoice_line() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NEW.order_line_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM gifting_purchaseorderline AS line
        JOIN gifting_purchaseorder AS placed
            ON placed.organization_id = line.organization_id AND placed.id = line.order_id
        JOIN gifting_vendorinvoice AS invoice
            ON invoice.organization_id = line.organization_id AND invoice.id = NEW.invoice_id
        WHERE line.organization_id = NEW.organization_id AND line.id = NEW.order_line_id
            AND line.budget_id = NEW.budget_id AND placed.currency = invoice.currency)
    THEN
        RAISE EXCEPTION 'an invoice line is paid by the budget and in the currency of its order'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_line_follows_its_order';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER invoice_line_follows_its_order BEFORE INSERT ON gifting_vendorinvoiceline
    FOR EACH ROW EXECUTE FUNCTION judge_invoice_line();

-- By the time a transaction commits it may have left its organization, so the check enters it.
CREATE FUNCTION check_invoice_total() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    chosen text := coalesce(current_setting('tribute.organization', true), '');
    wanted bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    adds_up boolean;
BEGIN
    PERFORM set_config('tribute.organization', NEW.organization_id::text, true);
    SELECT invoice.total_minor = (
        SELECT sum(line.net_minor::numeric + line.nonrecoverable_tax_minor + line.recoverable_tax_minor)
        FROM gifting_vendorinvoiceline AS line
        WHERE line.organization_id = invoice.organization_id AND line.invoice_id = invoice.id)
    INTO adds_up FROM gifting_vendorinvoice AS invoice
    WHERE invoice.organization_id = NEW.organization_id AND invoice.id = wanted;
    PERFORM set_config('tribute.organization', chosen, true);
    IF adds_up IS NOT TRUE THEN
        RAISE EXCEPTION 'the lines of an invoice add up to its total'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_lines_add_up';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER invoice_lines_add_up AFTER INSERT ON gifting_vendorinvoice
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_invoice_total('id');
CREATE CONSTRAINT TRIGGER invoice_line_adds_up AFTER INSERT ON gifting_vendorinvoiceline
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_invoice_total('invoice_id');

-- What is credited stays within its line, figure by figure, whoever credits at the same moment.
CREATE FUNCTION judge_credit_line() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('credit:' || NEW.organization_id || ':' || NEW.invoice_line_id, 0));
    IF NOT EXISTS (
        SELECT FROM gifting_vendorinvoiceline AS line
        JOIN gifting_creditnote AS note
            ON note.organization_id = line.organization_id AND note.id = NEW.credit_note_id
            AND note.invoice_id = line.invoice_id
        WHERE line.organization_id = NEW.organization_id AND line.id = NEW.invoice_line_id
            AND (SELECT coalesce(sum(credit.net_minor), 0) + NEW.net_minor <= line.net_minor
                    AND coalesce(sum(credit.nonrecoverable_tax_minor), 0) + NEW.nonrecoverable_tax_minor
                        <= line.nonrecoverable_tax_minor
                    AND coalesce(sum(credit.recoverable_tax_minor), 0) + NEW.recoverable_tax_minor
                        <= line.recoverable_tax_minor
                FROM gifting_creditnoteline AS credit
                WHERE credit.organization_id = line.organization_id AND credit.invoice_line_id = line.id))
    THEN
        RAISE EXCEPTION 'a credit stays within the line of the invoice that it is for'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_is_within_its_line';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER credit_is_within_its_line BEFORE INSERT ON gifting_creditnoteline
    FOR EACH ROW EXECUTE FUNCTION judge_credit_line();

-- What is matched exceeds none of its three legs, in units and in money, in any run.
CREATE FUNCTION judge_matches() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('match:' || line.organization_id || ':' || line.order_line_id, 0))
        FROM (SELECT DISTINCT organization_id, order_line_id FROM added WHERE order_line_id IS NOT NULL
            ORDER BY order_line_id) AS line;
    SELECT CASE
        WHEN EXISTS (
            SELECT FROM added
            JOIN gifting_vendorinvoiceline AS billed
                ON billed.organization_id = added.organization_id AND billed.id = added.invoice_line_id
            LEFT JOIN gifting_receipt AS receipt
                ON receipt.organization_id = added.organization_id AND receipt.id = added.receipt_id
            WHERE billed.order_line_id IS DISTINCT FROM added.order_line_id
                OR (added.receipt_id IS NOT NULL AND receipt.order_line_id IS DISTINCT FROM added.order_line_id))
            THEN 'match_stays_in_its_order_line'
        WHEN EXISTS (
            SELECT FROM (SELECT DISTINCT organization_id, order_line_id, run FROM added) AS touched
            JOIN gifting_match AS part ON part.organization_id = touched.organization_id
                AND part.order_line_id = touched.order_line_id AND part.run = touched.run
            JOIN gifting_purchaseorderline AS line
                ON line.organization_id = part.organization_id AND line.id = part.order_line_id
            GROUP BY line.id, touched.run, line.quantity, line.unit_price_minor
            HAVING sum(part.quantity) > line.quantity
                OR sum(part.amount_minor) > line.quantity::numeric * line.unit_price_minor)
            THEN 'match_is_within_its_order'
        WHEN EXISTS (
            SELECT FROM (SELECT DISTINCT organization_id, receipt_id, run FROM added) AS touched
            JOIN gifting_match AS part ON part.organization_id = touched.organization_id
                AND part.receipt_id = touched.receipt_id AND part.run = touched.run
            JOIN gifting_receipt AS receipt
                ON receipt.organization_id = part.organization_id AND receipt.id = part.receipt_id
            GROUP BY receipt.id, touched.run, receipt.quantity, receipt.amount_minor
            HAVING sum(part.quantity) > receipt.quantity OR sum(part.amount_minor) > receipt.amount_minor)
            THEN 'match_is_within_its_receipt'
        WHEN EXISTS (
            SELECT FROM (SELECT DISTINCT organization_id, invoice_line_id, run FROM added) AS touched
            JOIN gifting_match AS part ON part.organization_id = touched.organization_id
                AND part.invoice_line_id = touched.invoice_line_id AND part.run = touched.run
            JOIN gifting_vendorinvoiceline AS billed
                ON billed.organization_id = part.organization_id AND billed.id = part.invoice_line_id
            GROUP BY billed.id, touched.run, billed.quantity, billed.net_minor
            HAVING sum(part.quantity) > billed.quantity OR sum(part.amount_minor) > billed.net_minor)
            THEN 'match_is_within_its_invoice'
        END INTO fault;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the match breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER matches_are_judged AFTER INSERT ON gifting_match
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION judge_matches();

-- The exception of a line belongs to whoever entered the invoice, so that they cannot waive it under another name.
CREATE FUNCTION name_exception_requester() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    SELECT invoice.recorded_by_id INTO NEW.requested_by_id FROM gifting_vendorinvoice AS invoice
        WHERE invoice.organization_id = NEW.organization_id AND invoice.id = NEW.invoice_id;
    RETURN NEW;
END $$;

CREATE TRIGGER match_exception_names_its_requester BEFORE INSERT ON gifting_matchexception
    FOR EACH ROW WHEN (NEW.invoice_line_id IS NOT NULL) EXECUTE FUNCTION name_exception_requester();

-- A vendor is merged into one other at a time, never in a circle; a merge is undone by an event of its own.
CREATE FUNCTION judge_vendor_merge() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('vendors:' || NEW.organization_id, 0));
    IF NEW.undoes_id IS NOT NULL THEN
        SELECT CASE WHEN NOT EXISTS (
            SELECT FROM gifting_vendormerge AS merge
            WHERE merge.organization_id = NEW.organization_id AND merge.id = NEW.undoes_id AND merge.undoes_id IS NULL
                AND (merge.vendor_id, merge.into_id) = (NEW.vendor_id, NEW.into_id))
            THEN 'vendor_merge_undoes_a_merge' END INTO fault;
    ELSE
        WITH RECURSIVE standing AS (
            SELECT merge.vendor_id, merge.into_id FROM gifting_vendormerge AS merge
            WHERE merge.organization_id = NEW.organization_id AND merge.undoes_id IS NULL AND NOT EXISTS (
                SELECT FROM gifting_vendormerge AS undone
                WHERE undone.organization_id = merge.organization_id AND undone.undoes_id = merge.id)
        ), above AS (
            SELECT NEW.into_id AS id
            UNION SELECT standing.into_id FROM above JOIN standing ON standing.vendor_id = above.id
        )
        SELECT CASE
            WHEN EXISTS (SELECT FROM standing WHERE standing.vendor_id = NEW.vendor_id) THEN 'vendor_is_merged_once'
            WHEN EXISTS (SELECT FROM above WHERE above.id = NEW.vendor_id) THEN 'vendor_merges_make_no_circle'
            END INTO fault;
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the merge breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER vendor_merge_is_judged BEFORE INSERT ON gifting_vendormerge
    FOR EACH ROW EXECUTE FUNCTION judge_vendor_merge();

-- Which legal entity each vendor is: itself, or the one at the end of its merges.
CREATE VIEW gifting_vendorentity WITH (security_invoker = true) AS
    WITH RECURSIVE standing AS (
        SELECT merge.organization_id, merge.vendor_id, merge.into_id FROM gifting_vendormerge AS merge
        WHERE merge.undoes_id IS NULL AND NOT EXISTS (
            SELECT FROM gifting_vendormerge AS undone
            WHERE undone.organization_id = merge.organization_id AND undone.undoes_id = merge.id)
    ), entity AS (
        SELECT vendor.organization_id, vendor.id AS vendor_id, vendor.id AS entity_id FROM gifting_vendor AS vendor
        WHERE NOT EXISTS (
            SELECT FROM standing
            WHERE standing.organization_id = vendor.organization_id AND standing.vendor_id = vendor.id)
        UNION ALL
        SELECT standing.organization_id, standing.vendor_id, entity.entity_id
        FROM entity JOIN standing
            ON standing.organization_id = entity.organization_id AND standing.into_id = entity.vendor_id
    )
    SELECT organization_id, vendor_id, entity_id FROM entity;
GRANT SELECT ON gifting_vendorentity TO tribute_app;
