-- Credit memos and what becomes of them. A memo's used amount follows from its uses and from nothing else.

CALL protect_tenant('gifting_creditmemo');
CALL protect_tenant('gifting_credituse');
CALL link_tenant('gifting_creditmemo', 'vendor_id', 'gifting_vendor');
CALL link_tenant('gifting_creditmemo', 'send_id', 'gifting_send');
CALL link_tenant('gifting_credituse', 'credit_memo_id', 'gifting_creditmemo');
CALL link_tenant('gifting_credituse', 'send_id', 'gifting_send');
CALL seal_history('gifting_credituse');

-- The application changes nothing of a memo; the one column that it may name lets it lock the row.
REVOKE UPDATE, DELETE, TRUNCATE ON gifting_creditmemo FROM tribute_app;
GRANT UPDATE (used_minor) ON gifting_creditmemo TO tribute_app;
CREATE TRIGGER credit_memo_starts_unused BEFORE INSERT ON gifting_creditmemo
    FOR EACH ROW WHEN (NEW.used_minor <> 0)
    EXECUTE FUNCTION refuse_rule('credit_memo_starts_unused', 'a credit starts unused');
CREATE TRIGGER credit_memo_moves_by_uses BEFORE UPDATE ON gifting_creditmemo
    FOR EACH ROW WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION refuse_rule('credit_memo_moves_by_uses', 'a credit moves by its uses alone');
CREATE TRIGGER credit_memo_is_kept BEFORE DELETE ON gifting_creditmemo
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION apply_credit_use() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    memo gifting_creditmemo;
    fault text;
BEGIN
    SELECT * INTO memo FROM gifting_creditmemo
        WHERE organization_id = NEW.organization_id AND id = NEW.credit_memo_id FOR UPDATE;
    fault := CASE
        WHEN NEW.used_on < memo.issued_on THEN 'credit_is_used_after_its_issue'
        WHEN NEW.kind = 'USED' AND NEW.used_on >= memo.expires_on THEN 'credit_is_used_before_it_expires'
        WHEN NEW.kind = 'EXPIRED' AND (memo.expires_on IS NULL OR NEW.used_on < memo.expires_on)
            THEN 'credit_expires_on_its_day'
        END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the use breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    UPDATE gifting_creditmemo SET used_minor = used_minor + NEW.amount_minor
        WHERE organization_id = NEW.organization_id AND id = NEW.credit_memo_id;
    RETURN NULL;
END $$;

CREATE TRIGGER credit_use_applies AFTER INSERT ON gifting_credituse
    FOR EACH ROW EXECUTE FUNCTION apply_credit_use();

REVOKE EXECUTE ON FUNCTION apply_credit_use() FROM PUBLIC;
