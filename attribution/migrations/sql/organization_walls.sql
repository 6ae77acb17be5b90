-- Each table shows one organization's rows; each reference stays inside it; history stays as it is.
CALL protect_tenant('attribution_account');
CALL protect_tenant('attribution_amountchange');
CALL protect_tenant('attribution_attributionrun');
CALL protect_tenant('attribution_attributiontotal');
CALL protect_tenant('attribution_contact');
CALL protect_tenant('attribution_credit');
CALL protect_tenant('attribution_creditrollup');
CALL protect_tenant('attribution_opportunity');
CALL protect_tenant('attribution_opportunitycontactrole');
CALL protect_tenant('attribution_ownerchange');
CALL protect_tenant('attribution_stagechange');
CALL protect_tenant('attribution_touchpoint');
CALL protect_tenant('attribution_touchpointcursor');

CALL link_tenant('attribution_account', 'parent_id', 'attribution_account');
CALL link_tenant('attribution_contact', 'account_id', 'attribution_account');
CALL link_tenant('attribution_attributiontotal', 'run_id', 'attribution_attributionrun');
CALL link_tenant('attribution_creditrollup', 'run_id', 'attribution_attributionrun');
CALL link_tenant('attribution_creditrollup', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('attribution_creditrollup', 'campaign_id', 'gifting_campaign');
CALL link_tenant('attribution_creditrollup', 'vendor_id', 'gifting_vendor');
CALL link_tenant('attribution_creditrollup', 'cost_center_id', 'gifting_costcenter');
CALL link_tenant('attribution_opportunity', 'account_id', 'attribution_account');
CALL link_tenant('attribution_opportunity', 'fiscal_period_id', 'gifting_fiscalperiod');
CALL link_tenant('attribution_opportunitycontactrole', 'opportunity_id', 'attribution_opportunity');
CALL link_tenant('attribution_opportunitycontactrole', 'contact_id', 'attribution_contact');
CALL link_tenant('attribution_stagechange', 'opportunity_id', 'attribution_opportunity');
CALL link_tenant('attribution_amountchange', 'opportunity_id', 'attribution_opportunity');
CALL link_tenant('attribution_ownerchange', 'opportunity_id', 'attribution_opportunity');
CALL link_tenant('attribution_touchpoint', 'account_id', 'attribution_account');
CALL link_tenant('attribution_touchpoint', 'contact_id', 'attribution_contact');
CALL link_tenant('attribution_touchpoint', 'campaign_id', 'gifting_campaign');
CALL link_tenant('attribution_touchpoint', 'vendor_id', 'gifting_vendor');
CALL link_tenant('attribution_touchpoint', 'cost_center_id', 'gifting_costcenter');
CALL link_tenant('attribution_touchpoint', 'send_id', 'gifting_send');

CALL seal_history('attribution_stagechange');
CALL seal_history('attribution_amountchange');
CALL seal_history('attribution_ownerchange');
CALL seal_history('attribution_credit');

-- Credits are written whole by a run, under a role that may do nothing else; the run proves that no foreign
-- row came in. Rows that figures rest on are corrected or marked, never deleted.
REVOKE INSERT ON attribution_credit FROM tribute_app;
GRANT INSERT ON attribution_credit TO tribute_credits;
REVOKE DELETE, TRUNCATE ON attribution_account, attribution_contact, attribution_opportunity,
    attribution_touchpoint, attribution_attributionrun, attribution_attributiontotal, attribution_creditrollup
    FROM tribute_app;
