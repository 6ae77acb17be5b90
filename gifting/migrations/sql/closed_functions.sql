-- Whoever may execute a trigger function may hang it on a temporary table of their own and feed it rows. These two
-- work with the owner's rights, so nobody but their own triggers runs them (a trigger asks for no right to fire).
REVOKE EXECUTE ON FUNCTION derive_send_state(), roll_up_costs() FROM PUBLIC;

-- A temporary table is found before a real one of the same name, unless the path says otherwise.
ALTER FUNCTION judge_send_event() SET search_path = public, pg_temp;
ALTER FUNCTION check_cost_line() SET search_path = public, pg_temp;

-- A database that came from PostgreSQL 14 or older lets everyone make tables and functions here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
