-- Each table shows one organization's rows; each reference stays inside it; history stays as it is.
CALL protect_tenant('integrations_connection');
CALL protect_tenant('integrations_streamstate');
CALL protect_tenant('integrations_syncrun');
CALL protect_tenant('integrations_crmrecord');
CALL protect_tenant('integrations_rejectedrecord');
CALL protect_tenant('integrations_recordalias');

CALL link_tenant('integrations_streamstate', 'connection_id', 'integrations_connection');
CALL link_tenant('integrations_syncrun', 'connection_id', 'integrations_connection');
CALL link_tenant('integrations_crmrecord', 'connection_id', 'integrations_connection');
CALL link_tenant('integrations_rejectedrecord', 'connection_id', 'integrations_connection');
CALL link_tenant('integrations_recordalias', 'connection_id', 'integrations_connection');

CALL seal_history('integrations_syncrun');
CALL seal_history('integrations_recordalias');
