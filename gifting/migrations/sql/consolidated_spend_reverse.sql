DROP FUNCTION spend_differences(uuid);
DROP TRIGGER send_moves_its_spend ON gifting_send;
DROP FUNCTION move_sender_spend();
DROP FUNCTION senders_lock(uuid);
ALTER TABLE gifting_campaign DROP CONSTRAINT gifting_campaign_program_id_link;
-- A figure says how fresh its data is: the rollup remembers when a cost last moved each of its rows.
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
    RETURN NULL;
END $$;
