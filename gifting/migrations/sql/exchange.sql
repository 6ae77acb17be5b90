-- Exchange rates and what was converted by them: histories, all of them.

CALL protect_tenant('gifting_conversion');
CALL protect_tenant('gifting_organizationrate');
CALL protect_tenant('gifting_ratefile');

CALL link_tenant('gifting_conversion', 'own_rate_id', 'gifting_organizationrate');
CALL link_tenant('gifting_conversion', 'second_own_rate_id', 'gifting_organizationrate');
CALL link_tenant('gifting_organizationrate', 'file_id', 'gifting_ratefile');
CALL link_tenant('gifting_transfer', 'conversion_id', 'gifting_conversion');

CALL seal_history('gifting_conversion');
CALL seal_history('gifting_organizationrate');
CALL seal_history('gifting_ratefile');

-- What the deployment shares belongs to no organization: the owner of the tables adds to it, and nobody changes it.
CREATE FUNCTION refuse_shared_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is history: rows are added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON gifting_referencefile, gifting_referencerate FROM tribute_app;
CREATE TRIGGER history_is_kept BEFORE UPDATE OR DELETE ON gifting_referencefile
    FOR EACH ROW EXECUTE FUNCTION refuse_shared_change();
CREATE TRIGGER history_is_not_truncated BEFORE TRUNCATE ON gifting_referencefile
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_shared_change();
CREATE TRIGGER history_is_kept BEFORE UPDATE OR DELETE ON gifting_referencerate
    FOR EACH ROW EXECUTE FUNCTION refuse_shared_change();
CREATE TRIGGER history_is_not_truncated BEFORE TRUNCATE ON gifting_referencerate
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_shared_change();

-- The decimals of a currency; the same table as gifting/domain/currencies.py, which a test compares.
CREATE FUNCTION currency_exponent(code text) RETURNS int
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE
        WHEN code = ANY (string_to_array('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF BYR ROL TRL', ' '))
            THEN 0
        WHEN code = ANY (string_to_array('BHD IQD JOD KWD LYD OMR TND', ' ')) THEN 3
        ELSE 2 END $$;

-- For how many days after its own a rate of the type is used; as in gifting/domain/exchange.py.
CREATE FUNCTION rate_days(rate_type text) RETURNS int
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE rate_type WHEN 'SPOT' THEN 7 WHEN 'CLOSING' THEN 7 WHEN 'AVERAGE' THEN 35
        WHEN 'HISTORICAL' THEN 36525 WHEN 'BUDGET' THEN 371 END $$;

-- part / whole to the nearest whole number, ties to the even one; round() would take them away from zero.
CREATE FUNCTION round_half_even(part numeric, whole numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT sign(part) * (low + CASE
            WHEN 2 * (abs(part) - low * whole) > whole THEN 1
            WHEN 2 * (abs(part) - low * whole) = whole THEN low % 2
            ELSE 0 END)
        FROM (SELECT div(abs(part), whole)) AS floor (low) $$;

-- A conversion is what its rates say: the right ones, of the right day, and the amount that they give.
CREATE FUNCTION judge_conversion() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    leg record;
    currency text := NEW.from_currency;
    used date;
    part numeric := NEW.from_amount_minor;
    whole numeric := 1;
    shift int := currency_exponent(NEW.to_currency) - currency_exponent(NEW.from_currency);
    fault text;
BEGIN
    FOR leg IN
        SELECT 1 AS place, base, quote, rate_type, rate_date, rate FROM gifting_referencerate
            WHERE id = NEW.reference_rate_id
        UNION ALL SELECT 1, base, quote, rate_type, rate_date, rate FROM gifting_organizationrate
            WHERE organization_id = NEW.organization_id AND id = NEW.own_rate_id
        UNION ALL SELECT 2, base, quote, rate_type, rate_date, rate FROM gifting_referencerate
            WHERE id = NEW.second_reference_rate_id
        UNION ALL SELECT 2, base, quote, rate_type, rate_date, rate FROM gifting_organizationrate
            WHERE organization_id = NEW.organization_id AND id = NEW.second_own_rate_id
        ORDER BY place
    LOOP
        IF leg.rate_type <> NEW.rate_type THEN
            fault := 'conversion_uses_rates_of_its_type';
        ELSIF NEW.asked_on - leg.rate_date NOT BETWEEN 0 AND rate_days(NEW.rate_type) THEN
            fault := 'conversion_uses_rates_of_its_day';
        END IF;
        IF leg.base = currency THEN
            part := part * leg.rate;
            currency := leg.quote;
        ELSIF leg.quote = currency THEN
            whole := whole * leg.rate;
            currency := leg.base;
        ELSE
            currency := NULL;
        END IF;
        used := least(used, leg.rate_date);
    END LOOP;
    IF currency IS DISTINCT FROM NEW.to_currency OR NEW.from_currency = NEW.to_currency THEN
        fault := coalesce(fault, 'conversion_rates_lead_there');
    ELSIF used <> NEW.used_on THEN
        fault := coalesce(fault, 'conversion_names_the_day_it_used');
    ELSIF NEW.to_amount_minor <> round_half_even(
        part * power(10::numeric, greatest(shift, 0))::numeric(20, 0),
        whole * power(10::numeric, greatest(-shift, 0))::numeric(20, 0)) THEN
        fault := coalesce(fault, 'conversion_is_what_its_rates_say');
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the conversion breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER conversion_is_judged BEFORE INSERT ON gifting_conversion
    FOR EACH ROW EXECUTE FUNCTION judge_conversion();
