ALTER FUNCTION check_cost_line() RESET search_path;
ALTER FUNCTION judge_send_event() RESET search_path;
GRANT EXECUTE ON FUNCTION derive_send_state(), roll_up_costs() TO PUBLIC;
