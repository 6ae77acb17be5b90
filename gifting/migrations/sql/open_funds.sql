-- Open the funds of the budgets that are there.
DO $$
DECLARE
    owner record;
BEGIN
    PERFORM set_config('tribute.door', 'operator', true);
    FOR owner IN SELECT id FROM gifting_organization LOOP
        PERFORM set_config('tribute.organization', owner.id::text, true);
        PERFORM open_funds(owner.id, coalesce(array_agg(id ORDER BY id), '{}')) FROM gifting_budget
            WHERE organization_id = owner.id;
    END LOOP;
    PERFORM set_config('tribute.organization', '', true);
    PERFORM set_config('tribute.door', '', true);
END $$;
