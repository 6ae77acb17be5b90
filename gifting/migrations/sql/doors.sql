-- An organization is its own tenant row: visible once chosen, or by its slug, or to the operator of the server.
ALTER TABLE gifting_organization ENABLE ROW LEVEL SECURITY;
ALTER TABLE gifting_organization FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON gifting_organization
    USING (id = current_organization()) WITH CHECK (id = current_organization());
CREATE POLICY door ON gifting_organization FOR SELECT
    USING (current_door() IN ('slug:' || slug, 'operator'));

-- A person finds their own memberships, a token itself, before any organization is chosen.
CREATE POLICY door ON gifting_membership FOR SELECT
    USING ('user:' || user_id = current_door());
CREATE POLICY door ON gifting_servicetoken FOR SELECT
    USING ('token:' || secret_hash = current_door());
