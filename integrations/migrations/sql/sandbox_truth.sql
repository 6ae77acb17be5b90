-- What was planted stays what was planted; only an unfinished truth is completed.
CALL protect_tenant('integrations_sandboxtruth');
REVOKE UPDATE, DELETE, TRUNCATE ON integrations_sandboxtruth FROM tribute_app;
GRANT UPDATE (truth, is_complete) ON integrations_sandboxtruth TO tribute_app;
