-- Roles. They belong to the whole server, so another database may have made them already, even at this moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tribute_app') THEN
        CREATE ROLE tribute_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tribute_credits') THEN
        CREATE ROLE tribute_credits NOLOGIN BYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

-- Whoever makes a role may grant it, but since PostgreSQL 16 may not yet work as it.
DO $$
DECLARE
    needed text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END;
BEGIN
    IF NOT pg_has_role(current_user, 'tribute_app', needed) THEN
        EXECUTE format('GRANT tribute_app TO %I', current_user);
    END IF;
    IF NOT pg_has_role(current_user, 'tribute_credits', needed) THEN
        EXECUTE format('GRANT tribute_credits TO %I', current_user);
    END IF;
END $$;

GRANT USAGE ON SCHEMA public TO tribute_app, tribute_credits;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tribute_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO tribute_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tribute_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO tribute_app;
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM tribute_app;

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- The organization of this transaction; NULL, which equals nothing, when none was chosen.
CREATE FUNCTION current_organization() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('tribute.organization', true), '')::uuid $$;

-- The key that opens one row before an organization is chosen: 'slug:…', 'user:…', 'token:…', 'operator'.
CREATE FUNCTION current_door() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('tribute.door', true), '') $$;

-- Show the rows of one organization only, to the table's owner too.
CREATE PROCEDURE protect_tenant(target regclass)
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant ON %s USING (organization_id = current_organization())
            WITH CHECK (organization_id = current_organization())', target);
END $$;

-- Make a foreign key carry the organization, so that it cannot point at another one's row.
CREATE PROCEDURE link_tenant(child regclass, child_column name, parent regclass)
    LANGUAGE plpgsql
    AS $$
DECLARE
    parent_key name := (SELECT relname FROM pg_class WHERE oid = parent) || '_tenant_key';
    link_name name := (SELECT relname FROM pg_class WHERE oid = child) || '_' || child_column || '_link';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = parent AND conname = parent_key) THEN
        EXECUTE format(
            'ALTER TABLE %s ADD CONSTRAINT %I UNIQUE (organization_id, id)', parent, parent_key);
    END IF;
    EXECUTE format(
        'ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (organization_id, %I)
            REFERENCES %s (organization_id, id)', child, link_name, child_column, parent);
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is history: rows are added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Make a table append-only, for everyone.
CREATE PROCEDURE seal_history(target regclass)
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM tribute_app', target);
    EXECUTE format(
        'CREATE TRIGGER history_is_kept BEFORE UPDATE OR DELETE ON %s
            FOR EACH ROW EXECUTE FUNCTION refuse_change()', target);
    EXECUTE format(
        'CREATE TRIGGER history_is_not_truncated BEFORE TRUNCATE ON %s
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
END $$;
