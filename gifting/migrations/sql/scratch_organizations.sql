-- A drill makes an organization of its own, attacks it and has it removed. The mark is set when the organization is
-- made and never afterwards, so that no organization with a history of somebody's can become one that is removed.
CREATE TRIGGER organization_scratch_is_kept BEFORE UPDATE ON gifting_organization
    FOR EACH ROW WHEN (NEW.is_scratch <> OLD.is_scratch)
    EXECUTE FUNCTION refuse_rule('organization_scratch_is_kept', 'an organization is scratch from its start or never');

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('tribute.removing', true) = OLD.organization_id::text
            AND EXISTS (SELECT FROM gifting_organization WHERE id = OLD.organization_id AND is_scratch) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is history: rows are added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Remove a scratch organization; all that is in it goes in one statement, so that no reference is ever left open.
-- It works with the rights of its caller, and only the owner of the tables may delete from them.
CREATE PROCEDURE remove_scratch_organization(target uuid)
    LANGUAGE plpgsql
    AS $$
DECLARE
    parts text;
BEGIN
    PERFORM set_config('tribute.organization', target::text, true);
    PERFORM set_config('tribute.removing', target::text, true);
    IF NOT EXISTS (SELECT FROM public.gifting_organization WHERE id = target AND is_scratch) THEN
        RAISE EXCEPTION 'organization % is not a scratch organization', target
            USING ERRCODE = 'check_violation', CONSTRAINT = 'organization_is_scratch';
    END IF;
    SELECT string_agg(format('part%s AS (DELETE FROM %s WHERE organization_id = $1)', row_number, oid::regclass), ', ')
        INTO parts
    FROM (
        SELECT row_number() OVER (ORDER BY c.relname), c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND EXISTS (
            SELECT FROM pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped)
    ) AS tenant_table;
    EXECUTE format('WITH %s SELECT 1', parts) USING target;
    DELETE FROM public.gifting_organization WHERE id = target;
    PERFORM set_config('tribute.removing', '', true);
    PERFORM set_config('tribute.organization', '', true);
END $$;
REVOKE EXECUTE ON PROCEDURE remove_scratch_organization(uuid) FROM PUBLIC;
