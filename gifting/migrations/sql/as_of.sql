-- Reports that can be read again as they were. Every fact carries the transaction that added it; a snapshot remembers
-- which transactions were over. A row that was written before a report, and committed after it, is therefore not in it.

CALL protect_tenant('gifting_reportsnapshot');
CALL protect_tenant('gifting_signoff');
CALL link_tenant('gifting_reportsnapshot', 'token_id', 'gifting_servicetoken');
CALL link_tenant('gifting_signoff', 'snapshot_id', 'gifting_reportsnapshot');
CALL seal_history('gifting_reportsnapshot');
CALL seal_history('gifting_signoff');

REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON gifting_clusterepoch FROM tribute_app;
CREATE TRIGGER history_is_kept BEFORE UPDATE OR DELETE ON gifting_clusterepoch
    FOR EACH ROW EXECUTE FUNCTION refuse_shared_change();
CREATE TRIGGER history_is_not_truncated BEFORE TRUNCATE ON gifting_clusterepoch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_shared_change();

-- Whether a fact was there when the cut was made. The numbers of one server say nothing about those of another.
CREATE FUNCTION was_there(fact xid8, fact_epoch smallint, cut pg_snapshot, cut_epoch smallint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT fact_epoch < cut_epoch OR (fact_epoch = cut_epoch AND pg_visible_in_snapshot(fact, cut)) $$;

-- What is over at this moment. The caller's own transaction is not, whatever it has written already.
CREATE FUNCTION current_cut(OUT cut pg_snapshot, OUT epoch smallint)
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    mine xid8 := pg_current_xact_id_if_assigned();
BEGIN
    cut := pg_current_snapshot();
    epoch := (SELECT max(number) FROM gifting_clusterepoch);
    IF mine IS NOT NULL AND pg_visible_in_snapshot(mine, cut) THEN
        cut := (SELECT least(pg_snapshot_xmin(cut), mine)::text || ':' || pg_snapshot_xmax(cut)::text || ':'
                || string_agg(open::text, ',' ORDER BY open)
            FROM (SELECT mine AS open UNION SELECT pg_snapshot_xip(cut)) AS others)::pg_snapshot;
    END IF;
END $$;

-- Begin a new epoch when the database came to another server, and have every fact say so from now on. The owner calls
-- it with each migration, before the application is let in.
CREATE FUNCTION settle_cluster_epoch() RETURNS smallint
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    here bigint := (SELECT system_identifier FROM pg_control_system());
    newest gifting_clusterepoch;
    fact record;
BEGIN
    SELECT * INTO newest FROM gifting_clusterepoch ORDER BY number DESC LIMIT 1;
    IF newest IS NULL OR newest.system_identifier <> here THEN
        INSERT INTO gifting_clusterepoch (number, system_identifier)
            VALUES (coalesce(newest.number, 0) + 1, here) RETURNING * INTO newest;
    END IF;
    FOR fact IN
        SELECT dated.attrelid::regclass AS target, EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = dated.attrelid AND tgname = 'fact_is_dated_' || newest.number) AS is_settled
        FROM pg_attribute AS dated JOIN pg_attribute AS epoch
            ON epoch.attrelid = dated.attrelid AND epoch.attname = 'cluster_epoch' AND NOT epoch.attisdropped
        JOIN pg_class AS target ON target.oid = dated.attrelid AND target.relkind = 'r'
        WHERE dated.attname = 'transaction_id' AND NOT dated.attisdropped
            AND target.relnamespace = 'public'::regnamespace
        ORDER BY target.relname
    LOOP
        CONTINUE WHEN fact.is_settled;
        EXECUTE format('ALTER TABLE %s ALTER COLUMN cluster_epoch SET DEFAULT %s', fact.target, newest.number);
        EXECUTE format('DROP TRIGGER IF EXISTS fact_is_dated_%s ON %s', newest.number - 1, fact.target);
        EXECUTE format(
            'CREATE TRIGGER fact_is_dated_%s BEFORE INSERT ON %s FOR EACH ROW
                WHEN (NEW.transaction_id <> pg_current_xact_id() OR NEW.cluster_epoch <> %s)
                EXECUTE FUNCTION refuse_rule(''fact_is_dated_by_its_transaction'',
                    ''a fact is dated by the transaction that adds it'')',
            newest.number, fact.target, newest.number);
    END LOOP;
    RETURN newest.number;
END $$;
REVOKE EXECUTE ON FUNCTION settle_cluster_epoch() FROM PUBLIC;
SELECT settle_cluster_epoch();

-- A signature names what was signed, and nothing is approved that nobody prepared.
CREATE FUNCTION judge_sign_off() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    fault text;
BEGIN
    IF NOT EXISTS (
        SELECT FROM gifting_reportsnapshot
        WHERE organization_id = NEW.organization_id AND id = NEW.snapshot_id AND sha256 = NEW.sha256) THEN
        fault := 'sign_off_names_what_it_signs';
    ELSIF NEW.role <> 'PREPARER' AND NOT EXISTS (
        SELECT FROM gifting_signoff
        WHERE organization_id = NEW.organization_id AND snapshot_id = NEW.snapshot_id AND role = 'PREPARER') THEN
        fault := 'sign_off_follows_preparation';
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the signature breaks the rule %', fault USING ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sign_off_is_judged BEFORE INSERT ON gifting_signoff
    FOR EACH ROW EXECUTE FUNCTION judge_sign_off();
