-- Each table shows one organization's rows; each reference stays inside it; history stays as it is.
CALL protect_tenant('integrations_importrun');
CALL protect_tenant('integrations_quarantinedrow');

CALL link_tenant('integrations_quarantinedrow', 'run_id', 'integrations_importrun');

CALL seal_history('integrations_importrun');
CALL seal_history('integrations_quarantinedrow');
