-- The hot path's first statement: enter the organization, bound every wait, and claim the key, in this order.
CREATE FUNCTION enter_and_claim(owner_id uuid, wanted text, patience text) RETURNS SETOF gifting_operation
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    PERFORM set_config('tribute.organization', owner_id::text, true);
    PERFORM set_config('lock_timeout', patience, true);
    RETURN QUERY SELECT * FROM claim_key(owner_id, wanted);
END $$;

-- What every commitment asks for: the funds of its budgets, each beside the period that its day is posted to. As a
-- function it is planned once a connection, which is most of what it costs.
CREATE FUNCTION funds_and_period(asked_day date, budget_ids bigint[]) RETURNS TABLE (
        budget_id bigint, fund_id bigint, currency text, cost_center_id bigint,
        period_id bigint, period_name text, period_status text, period_starts_on date)
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
    AS $$
BEGIN
    RETURN QUERY
        SELECT budget.id, fund.id, fund.currency::text, budget.cost_center_id,
            period.id, period.name::text, period.status::text, period.starts_on
        FROM gifting_fund AS fund JOIN gifting_budget AS budget
            ON budget.organization_id = fund.organization_id AND budget.id = fund.budget_id
        LEFT JOIN LATERAL (
            SELECT later.id, later.name, later.status, later.starts_on FROM gifting_fiscalperiod AS later
            JOIN gifting_fiscalcalendar AS calendar
                ON calendar.organization_id = later.organization_id AND calendar.id = later.calendar_id
            WHERE calendar.is_default AND later.ends_on > asked_day ORDER BY later.starts_on LIMIT 1
        ) AS period ON true
        WHERE budget.id = ANY (budget_ids);
END $$;
