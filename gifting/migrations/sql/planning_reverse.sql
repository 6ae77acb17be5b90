DROP TRIGGER fiscal_periods_touch ON gifting_fiscalperiod;
DROP FUNCTION keep_posted_period() CASCADE;
DROP TRIGGER shared_budget_changes_by_consent ON gifting_budgetentry;
DROP FUNCTION judge_forecast_line() CASCADE;
DROP FUNCTION judge_shared_side() CASCADE;
DROP FUNCTION judge_shared_consent() CASCADE;
DROP FUNCTION judge_shared_activation() CASCADE;
DROP FUNCTION judge_shared_loan() CASCADE;
DROP FUNCTION judge_shared_repayment() CASCADE;
DROP FUNCTION check_shared_entry(), check_period_neighbors(), consenters(uuid, bigint),
    terms_in_force(uuid, bigint, bigint), moved_between(uuid, bigint, bigint, bigint, bigint);
DROP TRIGGER forecast_version_is_submitted_once ON gifting_forecastversion;
