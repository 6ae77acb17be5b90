-- What a run found is what it found: its sums are written once, before it is published, and its outcome is decided
-- once. Afterwards only another run may take its place as the current one.
CALL seal_history('attribution_attributiontotal');
CALL seal_history('attribution_creditrollup');

CREATE FUNCTION keep_run_outcome() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'an attribution run that ended does not change; start another one'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'run_outcome_is_kept';
END $$;

CREATE TRIGGER run_outcome_is_kept BEFORE UPDATE ON attribution_attributionrun
    FOR EACH ROW WHEN (OLD.status <> 'RUNNING'
        AND to_jsonb(OLD) - 'is_current' IS DISTINCT FROM to_jsonb(NEW) - 'is_current')
    EXECUTE FUNCTION keep_run_outcome();

CREATE FUNCTION judge_rollup() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF EXISTS (SELECT FROM added JOIN attribution_attributionrun AS run
               ON run.organization_id = added.organization_id AND run.id = added.run_id
               WHERE run.status <> 'RUNNING') THEN
        RAISE EXCEPTION 'the figures of an attribution run that ended do not change; start another one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rollup_run_is_running';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER rollup_run_is_running AFTER INSERT ON attribution_creditrollup
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION judge_rollup();
