DROP PROCEDURE seal_history(regclass);
DROP FUNCTION refuse_change();
DROP PROCEDURE link_tenant(regclass, name, regclass);
DROP PROCEDURE protect_tenant(regclass);
DROP FUNCTION current_door();
DROP FUNCTION current_organization();
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM tribute_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM tribute_app;
