-- A total is a figure like the rows of the rollup: none is added to a run that ended.
CREATE TRIGGER total_run_is_running AFTER INSERT ON attribution_attributiontotal
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION judge_rollup();
