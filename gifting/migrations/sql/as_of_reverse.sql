DROP TRIGGER sign_off_is_judged ON gifting_signoff;
DROP FUNCTION judge_sign_off();
DO $$
DECLARE
    dated record;
BEGIN
    FOR dated IN SELECT tgname, tgrelid::regclass AS target FROM pg_trigger WHERE tgname LIKE 'fact\_is\_dated\_%' LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', dated.tgname, dated.target);
    END LOOP;
END $$;
DROP FUNCTION settle_cluster_epoch(), current_cut(), was_there(xid8, smallint, pg_snapshot, smallint);
DROP TRIGGER history_is_kept ON gifting_clusterepoch;
DROP TRIGGER history_is_not_truncated ON gifting_clusterepoch;
