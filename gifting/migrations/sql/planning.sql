-- Forecasts, which are never enforced, and shared budgets, which several sides must agree on.

CALL protect_tenant('gifting_forecastline');
CALL protect_tenant('gifting_forecastversion');
CALL protect_tenant('gifting_sharedactivation');
CALL protect_tenant('gifting_sharedbudget');
CALL protect_tenant('gifting_sharedconsent');
CALL protect_tenant('gifting_sharedloan');
CALL protect_tenant('gifting_sharedrepayment');
CALL protect_tenant('gifting_sharedside');
CALL protect_tenant('gifting_sharedterms');

CALL link_tenant('gifting_forecastline', 'version_id', 'gifting_forecastversion');
CALL link_tenant('gifting_forecastline', 'budget_id', 'gifting_budget');
CALL link_tenant('gifting_sharedactivation', 'terms_id', 'gifting_sharedterms');
CALL link_tenant('gifting_sharedactivation', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_sharedconsent', 'terms_id', 'gifting_sharedterms');
CALL link_tenant('gifting_sharedloan', 'terms_id', 'gifting_sharedterms');
CALL link_tenant('gifting_sharedloan', 'lender_id', 'gifting_budget');
CALL link_tenant('gifting_sharedloan', 'borrower_id', 'gifting_budget');
CALL link_tenant('gifting_sharedloan', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_sharedrepayment', 'loan_id', 'gifting_sharedloan');
CALL link_tenant('gifting_sharedrepayment', 'operation_id', 'gifting_operation');
CALL link_tenant('gifting_sharedside', 'terms_id', 'gifting_sharedterms');
CALL link_tenant('gifting_sharedside', 'budget_id', 'gifting_budget');
CALL link_tenant('gifting_sharedterms', 'shared_budget_id', 'gifting_sharedbudget');
CALL link_tenant('gifting_sharedterms', 'fiscal_period_id', 'gifting_fiscalperiod');

CALL seal_history('gifting_sharedactivation');
CALL seal_history('gifting_sharedconsent');
CALL seal_history('gifting_sharedloan');
CALL seal_history('gifting_sharedrepayment');
CALL seal_history('gifting_sharedside');
CALL seal_history('gifting_sharedterms');

REVOKE UPDATE, DELETE, TRUNCATE ON gifting_forecastversion, gifting_sharedbudget FROM tribute_app;
REVOKE TRUNCATE ON gifting_forecastline FROM tribute_app;
GRANT UPDATE (submitted_at, submitted_by_id) ON gifting_forecastversion TO tribute_app;

CREATE TRIGGER forecast_version_is_submitted_once BEFORE UPDATE ON gifting_forecastversion
    FOR EACH ROW WHEN (OLD.submitted_at IS NOT NULL)
    EXECUTE FUNCTION refuse_rule('forecast_version_is_submitted_once', 'a submitted forecast is kept');

CREATE FUNCTION judge_forecast_line() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    line gifting_forecastline := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    submitted timestamptz;
BEGIN
    -- Whoever writes a line holds its version, so a submission waits for them.
    SELECT submitted_at INTO submitted FROM gifting_forecastversion
        WHERE organization_id = line.organization_id AND id = line.version_id FOR SHARE;
    IF submitted IS NOT NULL OR TG_OP = 'UPDATE' AND NEW.version_id <> OLD.version_id THEN
        RAISE EXCEPTION 'a submitted forecast is kept'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'forecast_line_is_open';
    END IF;
    RETURN line;
END $$;

CREATE TRIGGER forecast_line_is_open BEFORE INSERT OR UPDATE OR DELETE ON gifting_forecastline
    FOR EACH ROW EXECUTE FUNCTION judge_forecast_line();

-- The terms that hold for a shared budget in a period: those that were activated last.
CREATE FUNCTION terms_in_force(owner_id uuid, budget bigint, period bigint) RETURNS bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT terms.id FROM gifting_sharedactivation AS activation
    JOIN gifting_sharedterms AS terms
        ON terms.organization_id = activation.organization_id AND terms.id = activation.terms_id
    WHERE terms.organization_id = owner_id AND terms.shared_budget_id = budget AND terms.fiscal_period_id = period
    ORDER BY activation.id DESC LIMIT 1
    $$;

-- A side has a budget of the same period and currency, in one shared budget, before anyone consented.
CREATE FUNCTION judge_shared_side() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM gifting_sharedterms AS terms
        JOIN gifting_sharedbudget AS shared
            ON shared.organization_id = terms.organization_id AND shared.id = terms.shared_budget_id
        JOIN gifting_budget AS budget ON budget.organization_id = terms.organization_id AND budget.id = NEW.budget_id
            AND budget.fiscal_period_id = terms.fiscal_period_id AND budget.currency = shared.currency
            AND budget.scope = '{}'
        WHERE terms.organization_id = NEW.organization_id AND terms.id = NEW.terms_id)
        OR EXISTS (
        SELECT FROM gifting_sharedside AS other JOIN gifting_sharedterms AS terms
            ON terms.organization_id = other.organization_id AND terms.id = other.terms_id
        JOIN gifting_sharedterms AS own ON own.organization_id = terms.organization_id AND own.id = NEW.terms_id
        WHERE other.organization_id = NEW.organization_id AND other.budget_id = NEW.budget_id
            AND terms.shared_budget_id <> own.shared_budget_id)
        OR EXISTS (
        SELECT FROM gifting_sharedconsent WHERE organization_id = NEW.organization_id AND terms_id = NEW.terms_id)
    THEN
        RAISE EXCEPTION 'the side does not fit its terms'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shared_side_fits_its_terms';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER shared_side_is_judged BEFORE INSERT ON gifting_sharedside
    FOR EACH ROW EXECUTE FUNCTION judge_shared_side();

-- Whose consent terms need: who speaks for a side under them, and under those that they replace.
CREATE FUNCTION consenters(owner_id uuid, wanted bigint) RETURNS TABLE (user_id integer)
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT DISTINCT side.representative_id FROM gifting_sharedside AS side
    JOIN gifting_sharedterms AS terms ON terms.organization_id = owner_id AND terms.id = wanted
    WHERE side.organization_id = owner_id AND side.terms_id IN (
        wanted, terms_in_force(owner_id, terms.shared_budget_id, terms.fiscal_period_id))
    $$;

CREATE FUNCTION judge_shared_consent() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NEW.user_id NOT IN (SELECT asked.user_id FROM consenters(NEW.organization_id, NEW.terms_id) AS asked) THEN
        RAISE EXCEPTION 'only who speaks for a side consents'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shared_consent_is_a_sides';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER shared_consent_is_judged BEFORE INSERT ON gifting_sharedconsent
    FOR EACH ROW EXECUTE FUNCTION judge_shared_consent();

CREATE FUNCTION judge_shared_activation() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    terms gifting_sharedterms;
BEGIN
    SELECT * INTO terms FROM gifting_sharedterms WHERE organization_id = NEW.organization_id AND id = NEW.terms_id;
    PERFORM pg_advisory_xact_lock(hashtextextended('shared:' || terms.shared_budget_id, terms.fiscal_period_id));
    IF (SELECT count(*) FROM gifting_sharedside WHERE organization_id = NEW.organization_id AND terms_id = NEW.terms_id) < 2
        OR EXISTS (
            SELECT asked.user_id FROM consenters(NEW.organization_id, NEW.terms_id) AS asked
            EXCEPT SELECT given.user_id FROM gifting_sharedconsent AS given
            WHERE given.organization_id = NEW.organization_id AND given.terms_id = NEW.terms_id)
        OR NOT EXISTS (
            SELECT FROM gifting_sharedconsent AS given
            WHERE given.organization_id = NEW.organization_id AND given.terms_id = NEW.terms_id
                AND given.user_id <> terms.requested_by_id)
    THEN
        RAISE EXCEPTION 'terms hold when every side consented'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shared_terms_have_every_consent';
    ELSIF EXISTS (
        SELECT FROM gifting_sharedside AS side
        JOIN gifting_fund AS fund ON fund.organization_id = side.organization_id AND fund.budget_id = side.budget_id
        WHERE side.organization_id = NEW.organization_id AND side.terms_id = NEW.terms_id
            AND fund.allocated_minor <> side.contribution_minor + (
                SELECT coalesce(sum(CASE loan.borrower_id WHEN side.budget_id THEN 1 ELSE -1 END * (loan.amount_minor - (
                    SELECT coalesce(sum(amount_minor), 0) FROM gifting_sharedrepayment
                    WHERE organization_id = loan.organization_id AND loan_id = loan.id))), 0)
                FROM gifting_sharedloan AS loan
                WHERE loan.organization_id = side.organization_id
                    AND side.budget_id IN (loan.borrower_id, loan.lender_id)))
    THEN
        RAISE EXCEPTION 'a side has what it contributes, and what it borrowed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shared_sides_have_their_contributions';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER shared_activation_is_judged BEFORE INSERT ON gifting_sharedactivation
    FOR EACH ROW EXECUTE FUNCTION judge_shared_activation();

-- One operation moved the amount from one register to the other.
CREATE FUNCTION moved_between(owner_id uuid, operation bigint, source bigint, target bigint, amount bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT coalesce(sum(amount_minor) FILTER (WHERE budget_id = source AND kind = 'TRANSFER_OUT'), 0) = -amount
        AND coalesce(sum(amount_minor) FILTER (WHERE budget_id = target AND kind = 'TRANSFER_IN'), 0) = amount
    FROM gifting_budgetentry WHERE organization_id = owner_id AND operation_id = operation
    $$;

CREATE FUNCTION judge_shared_loan() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    terms gifting_sharedterms;
    fault text;
BEGIN
    SELECT * INTO terms FROM gifting_sharedterms WHERE organization_id = NEW.organization_id AND id = NEW.terms_id;
    PERFORM pg_advisory_xact_lock(hashtextextended('shared:' || terms.shared_budget_id, terms.fiscal_period_id));
    SELECT CASE
        WHEN terms.id IS DISTINCT FROM terms_in_force(NEW.organization_id, terms.shared_budget_id, terms.fiscal_period_id)
            OR terms.mode <> 'SHARED' THEN 'shared_loan_is_under_shared_terms'
        WHEN NEW.approved_by_id <> terms.manager_id OR NEW.amount_minor > terms.manager_limit_minor
            THEN 'shared_loan_is_the_managers'
        WHEN NOT EXISTS (
            SELECT FROM gifting_sharedside WHERE organization_id = NEW.organization_id AND terms_id = NEW.terms_id
                AND budget_id = NEW.borrower_id AND representative_id = NEW.requested_by_id) OR NOT EXISTS (
            SELECT FROM gifting_sharedside AS side
            JOIN gifting_fund AS fund ON fund.organization_id = side.organization_id AND fund.budget_id = side.budget_id
            WHERE side.organization_id = NEW.organization_id AND side.terms_id = NEW.terms_id
                AND side.budget_id = NEW.lender_id AND side.floor_minor <= fund.allocated_minor)
            THEN 'shared_loan_keeps_the_floor'
        WHEN NOT moved_between(NEW.organization_id, NEW.operation_id, NEW.lender_id, NEW.borrower_id, NEW.amount_minor)
            THEN 'shared_loan_is_in_the_registers'
        END INTO fault;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the loan breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER shared_loan_is_judged BEFORE INSERT ON gifting_sharedloan
    FOR EACH ROW EXECUTE FUNCTION judge_shared_loan();

CREATE FUNCTION judge_shared_repayment() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    loan gifting_sharedloan;
    fault text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('loan:' || NEW.organization_id, NEW.loan_id));
    SELECT * INTO loan FROM gifting_sharedloan WHERE organization_id = NEW.organization_id AND id = NEW.loan_id;
    SELECT CASE
        WHEN NEW.amount_minor + (
            SELECT coalesce(sum(amount_minor), 0) FROM gifting_sharedrepayment
            WHERE organization_id = NEW.organization_id AND loan_id = NEW.loan_id) > loan.amount_minor
            THEN 'shared_repayment_is_within_its_loan'
        WHEN NOT moved_between(NEW.organization_id, NEW.operation_id, loan.borrower_id, loan.lender_id, NEW.amount_minor)
            THEN 'shared_loan_is_in_the_registers'
        END INTO fault;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the repayment breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER shared_repayment_is_judged BEFORE INSERT ON gifting_sharedrepayment
    FOR EACH ROW EXECUTE FUNCTION judge_shared_repayment();

-- The register of a side changes by what every side agreed on, by loans and by their repayment.
CREATE FUNCTION check_shared_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    chosen text := coalesce(current_setting('tribute.organization', true), '');
    holds boolean;
BEGIN
    PERFORM set_config('tribute.organization', NEW.organization_id::text, true);
    SELECT NOT EXISTS (
            SELECT FROM gifting_sharedside AS side JOIN gifting_sharedactivation AS activation
                ON activation.organization_id = side.organization_id AND activation.terms_id = side.terms_id
            WHERE side.organization_id = NEW.organization_id AND side.budget_id = NEW.budget_id)
        OR EXISTS (SELECT FROM gifting_sharedactivation
            WHERE organization_id = NEW.organization_id AND operation_id = NEW.operation_id)
        OR EXISTS (SELECT FROM gifting_sharedloan
            WHERE organization_id = NEW.organization_id AND operation_id = NEW.operation_id)
        OR EXISTS (SELECT FROM gifting_sharedrepayment
            WHERE organization_id = NEW.organization_id AND operation_id = NEW.operation_id)
        INTO holds;
    PERFORM set_config('tribute.organization', chosen, true);
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'a shared budget is changed by what every side agreed on'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shared_budget_changes_by_consent';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER shared_budget_changes_by_consent AFTER INSERT ON gifting_budgetentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind IN ('REVISION', 'TRANSFER_IN', 'TRANSFER_OUT'))
    EXECUTE FUNCTION check_shared_entry();

-- The periods of a calendar touch: where one ends, the next one begins, within a year and between two.
CREATE FUNCTION check_period_neighbors() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    chosen text := coalesce(current_setting('tribute.organization', true), '');
    changed gifting_fiscalperiod := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    holds boolean;
BEGIN
    PERFORM set_config('tribute.organization', changed.organization_id::text, true);
    SELECT NOT EXISTS (
        SELECT FROM (
            SELECT ends_on, lead(starts_on) OVER (ORDER BY starts_on) AS next FROM gifting_fiscalperiod
            WHERE organization_id = changed.organization_id AND calendar_id = changed.calendar_id
                AND fiscal_year = changed.fiscal_year
        ) AS pair WHERE pair.next <> pair.ends_on) INTO holds;
    PERFORM set_config('tribute.organization', chosen, true);
    IF holds IS NOT TRUE THEN
        RAISE EXCEPTION 'the periods of a fiscal year leave a gap'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fiscal_periods_touch';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER fiscal_periods_touch AFTER INSERT OR UPDATE OR DELETE ON gifting_fiscalperiod
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_period_neighbors();

-- A period that something was posted to keeps its days: no fact changes its period.
CREATE FUNCTION keep_posted_period() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF EXISTS (SELECT FROM gifting_transfer
            WHERE organization_id = OLD.organization_id AND fiscal_period_id = OLD.id)
        OR EXISTS (SELECT FROM gifting_costline
            WHERE organization_id = OLD.organization_id AND fiscal_period_id = OLD.id)
    THEN
        RAISE EXCEPTION 'a period that was posted to keeps its days'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fiscal_period_posted_keeps_its_days';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER fiscal_period_posted_keeps_its_days BEFORE UPDATE ON gifting_fiscalperiod
    FOR EACH ROW WHEN ((NEW.starts_on, NEW.ends_on, NEW.calendar_id)
        IS DISTINCT FROM (OLD.starts_on, OLD.ends_on, OLD.calendar_id))
    EXECUTE FUNCTION keep_posted_period();

REVOKE EXECUTE ON FUNCTION judge_forecast_line(), check_shared_entry(), check_period_neighbors() FROM PUBLIC;
