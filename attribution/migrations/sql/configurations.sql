-- A version of the choices that figures rest on stays as it is, and a run names one of its own organization.
CALL protect_tenant('attribution_attributionconfiguration');
CALL link_tenant('attribution_attributionrun', 'configuration_id', 'attribution_attributionconfiguration');
CALL seal_history('attribution_attributionconfiguration');
