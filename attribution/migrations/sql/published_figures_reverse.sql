DROP TRIGGER rollup_run_is_running ON attribution_creditrollup;
DROP FUNCTION judge_rollup();
DROP TRIGGER run_outcome_is_kept ON attribution_attributionrun;
DROP FUNCTION keep_run_outcome();
DROP TRIGGER history_is_not_truncated ON attribution_creditrollup;
DROP TRIGGER history_is_kept ON attribution_creditrollup;
DROP TRIGGER history_is_not_truncated ON attribution_attributiontotal;
DROP TRIGGER history_is_kept ON attribution_attributiontotal;
GRANT UPDATE ON attribution_attributiontotal, attribution_creditrollup TO tribute_app;
