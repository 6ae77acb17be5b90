DROP POLICY door ON gifting_servicetoken;
DROP POLICY door ON gifting_membership;
DROP POLICY door ON gifting_organization;
DROP POLICY tenant ON gifting_organization;
ALTER TABLE gifting_organization NO FORCE ROW LEVEL SECURITY;
ALTER TABLE gifting_organization DISABLE ROW LEVEL SECURITY;
