-- A later version must follow the one before it, in its currency, and state the change against it. A change of
-- campaign, vendor or cost center first takes the whole amount back where it stood, so that every cut stays exact.
CREATE FUNCTION check_cost_line() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    previous gifting_costline;
BEGIN
    SELECT * INTO previous FROM gifting_costline
        WHERE organization_id = NEW.organization_id AND send_id = NEW.send_id
            AND component = NEW.component AND version = NEW.version - 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'cost line version % has no version before it', NEW.version
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_line_versions_have_no_gap';
    END IF;
    IF NEW.change_minor <> NEW.amount_minor - previous.amount_minor
        OR NEW.currency <> previous.currency THEN
        RAISE EXCEPTION 'cost line change is not the difference to the version before'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_line_change_is_the_difference';
    END IF;
    IF previous.amount_minor <> 0 AND (NEW.campaign_id, NEW.vendor_id, NEW.cost_center_id)
        IS DISTINCT FROM (previous.campaign_id, previous.vendor_id, previous.cost_center_id) THEN
        RAISE EXCEPTION 'cost line moves to another campaign, vendor or cost center with money on it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cost_line_moves_empty';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER cost_line_follows BEFORE INSERT ON gifting_costline
    FOR EACH ROW WHEN (NEW.version > 1) EXECUTE FUNCTION check_cost_line();

-- The rollup moves in the statement that adds the lines. Rows are taken in key order, so writers do not deadlock.
CREATE FUNCTION roll_up_costs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    INSERT INTO gifting_spendrollup AS kept
        (organization_id, fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency, amount_minor)
    SELECT organization_id, fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency, sum(change_minor)
        FROM added GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (organization_id, fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency)
        DO UPDATE SET amount_minor = kept.amount_minor + excluded.amount_minor;
    RETURN NULL;
END $$;

CREATE TRIGGER cost_lines_roll_up AFTER INSERT ON gifting_costline
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION roll_up_costs();

REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON gifting_spendrollup FROM tribute_app;

-- What was first approved stays what was first approved.
CREATE FUNCTION keep_budget_original() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the original amount of a budget, its currency and its scope never change'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'budget_original_is_kept';
END $$;

CREATE TRIGGER budget_original_is_kept BEFORE UPDATE ON gifting_budget
    FOR EACH ROW WHEN (
        (OLD.original_amount_minor, OLD.currency, OLD.cost_center_id, OLD.campaign_id, OLD.fiscal_period_id)
        IS DISTINCT FROM
        (NEW.original_amount_minor, NEW.currency, NEW.cost_center_id, NEW.campaign_id, NEW.fiscal_period_id))
    EXECUTE FUNCTION keep_budget_original();
REVOKE DELETE, TRUNCATE ON gifting_budget FROM tribute_app;
