DROP TRIGGER budget_original_is_kept ON gifting_budget;
DROP FUNCTION keep_budget_original();
DROP TRIGGER cost_lines_roll_up ON gifting_costline;
DROP FUNCTION roll_up_costs();
DROP TRIGGER cost_line_follows ON gifting_costline;
DROP FUNCTION check_cost_line();
