-- Spend by program and by sender. A program hangs on the campaign; who sent hangs on the send.
CALL protect_tenant('gifting_program');
CALL protect_tenant('gifting_senderspend');
CALL link_tenant('gifting_campaign', 'program_id', 'gifting_program');
CALL link_tenant('gifting_senderspend', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('gifting_senderspend', 'cost_center_id', 'gifting_costcenter');
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON gifting_senderspend FROM tribute_app;

-- Whoever tells a cost reads who sent it; whoever corrects a sender waits for them, and they for him.
CREATE FUNCTION senders_lock(organization_id uuid) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT hashtextextended('senders:' || organization_id::text, 0) $$;

-- Both rollups move in the statement that adds the lines: first the one by every record, then the one by sender, each
-- in the order of its key, so that statements that meet do not deadlock.
CREATE OR REPLACE FUNCTION roll_up_costs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    INSERT INTO gifting_spendrollup AS kept
        (organization_id, fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency, amount_minor)
    SELECT organization_id, fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency, sum(change_minor)
        FROM added GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (organization_id, fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency)
        DO UPDATE SET amount_minor = kept.amount_minor + excluded.amount_minor, changed_at = now();
    PERFORM pg_advisory_xact_lock_shared(senders_lock(owner.organization_id))
        FROM (SELECT DISTINCT organization_id FROM added) AS owner;
    INSERT INTO gifting_senderspend AS kept
        (organization_id, fiscal_period_id, cost_center_id, sender_reference, currency, amount_minor)
    SELECT added.organization_id, added.fiscal_period_id, added.cost_center_id, send.sender_reference, added.currency,
            sum(added.change_minor)
        FROM added JOIN gifting_send AS send
            ON send.organization_id = added.organization_id AND send.id = added.send_id
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (organization_id, fiscal_period_id, cost_center_id, sender_reference, currency)
        DO UPDATE SET amount_minor = kept.amount_minor + excluded.amount_minor, changed_at = now();
    RETURN NULL;
END $$;

-- A send whose sender is corrected takes what it cost along.
CREATE FUNCTION move_sender_spend() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM was JOIN became USING (organization_id, id)
        WHERE was.sender_reference <> became.sender_reference)
    THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(senders_lock(owner.organization_id))
        FROM (SELECT DISTINCT organization_id FROM became ORDER BY 1) AS owner;
    INSERT INTO gifting_senderspend AS kept
        (organization_id, fiscal_period_id, cost_center_id, sender_reference, currency, amount_minor)
    SELECT line.organization_id, line.fiscal_period_id, line.cost_center_id, moved.sender_reference, line.currency,
            sum(moved.sign * line.change_minor)
        FROM (
            SELECT organization_id, id, side.sender_reference, side.sign
            FROM was JOIN became USING (organization_id, id)
            CROSS JOIN LATERAL (VALUES (was.sender_reference, -1), (became.sender_reference, 1))
                AS side (sender_reference, sign)
            WHERE was.sender_reference <> became.sender_reference
        ) AS moved
        JOIN gifting_costline AS line ON line.organization_id = moved.organization_id AND line.send_id = moved.id
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (organization_id, fiscal_period_id, cost_center_id, sender_reference, currency)
        DO UPDATE SET amount_minor = kept.amount_minor + excluded.amount_minor, changed_at = now();
    RETURN NULL;
END $$;

CREATE TRIGGER send_moves_its_spend AFTER UPDATE ON gifting_send
    REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION move_sender_spend();

REVOKE EXECUTE ON FUNCTION move_sender_spend() FROM PUBLIC;

-- Where a rollup and the lines it is made of differ; nothing, unless something is broken.
CREATE FUNCTION spend_differences(owner_id uuid)
    RETURNS TABLE (rollup text, slice jsonb, stored_minor bigint, told_minor bigint)
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT * FROM (
        SELECT 'SpendRollup', jsonb_build_array(fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency),
            coalesce(kept.amount, 0)::bigint, coalesce(told.amount, 0)::bigint
        FROM (
            SELECT fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency, amount_minor AS amount
            FROM gifting_spendrollup WHERE organization_id = owner_id
        ) AS kept FULL JOIN (
            SELECT fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency, sum(change_minor) AS amount
            FROM gifting_costline WHERE organization_id = owner_id GROUP BY 1, 2, 3, 4, 5, 6
        ) AS told USING (fiscal_period_id, campaign_id, vendor_id, cost_center_id, component, currency)
        UNION ALL
        SELECT 'SenderSpend', jsonb_build_array(fiscal_period_id, cost_center_id, sender_reference, currency),
            coalesce(kept.amount, 0)::bigint, coalesce(told.amount, 0)::bigint
        FROM (
            SELECT fiscal_period_id, cost_center_id, sender_reference, currency, amount_minor AS amount
            FROM gifting_senderspend WHERE organization_id = owner_id
        ) AS kept FULL JOIN (
            SELECT line.fiscal_period_id, line.cost_center_id, send.sender_reference, line.currency,
                sum(line.change_minor) AS amount
            FROM gifting_costline AS line JOIN gifting_send AS send
                ON send.organization_id = line.organization_id AND send.id = line.send_id
            WHERE line.organization_id = owner_id GROUP BY 1, 2, 3, 4
        ) AS told USING (fiscal_period_id, cost_center_id, sender_reference, currency)
    ) AS compared (rollup, slice, stored_minor, told_minor) WHERE stored_minor <> told_minor
    $$;

-- Sum up by sender what was told before.
DO $$
DECLARE
    owner record;
BEGIN
    PERFORM set_config('tribute.door', 'operator', true);
    FOR owner IN SELECT id FROM gifting_organization LOOP
        PERFORM set_config('tribute.organization', owner.id::text, true);
        INSERT INTO gifting_senderspend
            (organization_id, fiscal_period_id, cost_center_id, sender_reference, currency, amount_minor, changed_at)
        SELECT line.organization_id, line.fiscal_period_id, line.cost_center_id, send.sender_reference, line.currency,
            sum(line.change_minor), max(line.recorded_at)
        FROM gifting_costline AS line JOIN gifting_send AS send
            ON send.organization_id = line.organization_id AND send.id = line.send_id
        WHERE line.organization_id = owner.id GROUP BY 1, 2, 3, 4, 5;
    END LOOP;
    PERFORM set_config('tribute.organization', '', true);
    PERFORM set_config('tribute.door', '', true);
END $$;
