"""Every table, function, view and role keeps the walls between organizations.

Read from PostgreSQL's own catalog, so that a new table, reference or function that forgets a wall
fails here, whoever made it and however.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models

from gifting.domain import lifecycle
from tests.factories import everything

pytestmark = pytest.mark.django_db

# Tables that no organization owns, with the reason.
SHARED_TABLES = {
    "auth_group": "Django's; unused, since roles are memberships",
    "auth_group_permissions": "Django's; unused, since roles are memberships",
    "auth_permission": "Django's; unused, since roles are memberships",
    "auth_user": "a person may belong to several organizations",
    "auth_user_groups": "Django's; unused, since roles are memberships",
    "auth_user_user_permissions": "Django's; unused, since roles are memberships",
    "django_admin_log": "what a person did, shown to that person alone",
    "django_celery_beat_clockedschedule": "the scheduler serves every organization",
    "django_celery_beat_crontabschedule": "the scheduler serves every organization",
    "django_celery_beat_intervalschedule": "the scheduler serves every organization",
    "django_celery_beat_periodictask": "the scheduler serves every organization",
    "django_celery_beat_periodictasks": "the scheduler serves every organization",
    "django_celery_beat_solarschedule": "the scheduler serves every organization",
    "django_content_type": "names of models",
    "django_migrations": "history of the schema",
    "django_session": "opened by its random key",
    "gifting_clusterepoch": "a server holds every organization; read-only",
    "gifting_organization": "its own row is the tenant; walled by its id",
    "gifting_referencefile": "the central bank's rates are everybody's; read-only",
    "gifting_referencerate": "the central bank's rates are everybody's; read-only",
    "gifting_sendtransition": "the legal moves of every send; read-only",
    "integrations_heartbeat": "a queue serves every organization",
}
POLICIES = {
    ("gifting_organization", "tenant"),
    ("gifting_organization", "door"),
    ("gifting_membership", "door"),
    ("gifting_servicetoken", "door"),
}
INSIDE = "(organization_id = current_organization())"
# Each of them is written whole, added to by trigger alone, or added to and never changed.
SEALED_TABLES = {
    "gifting_sharedterms",
    "gifting_sharedside",
    "gifting_sharedrepayment",
    "gifting_sharedloan",
    "gifting_sharedconsent",
    "gifting_sharedactivation",
    "gifting_spendrequest",
    "gifting_rollover",
    "gifting_requestoutcome",
    "gifting_reach",
    "gifting_budgetpolicy",
    "attribution_amountchange",
    "attribution_attributionconfiguration",
    "attribution_attributiontotal",
    "attribution_credit",
    "attribution_creditrollup",
    "attribution_ownerchange",
    "attribution_stagechange",
    "gifting_approval",
    "gifting_approvalevent",
    "gifting_approvalpolicy",
    "gifting_budgetentry",
    "gifting_clusterepoch",
    "gifting_conversion",
    "gifting_closepreparation",
    "gifting_closesignature",
    "gifting_closewaiver",
    "gifting_closingline",
    "gifting_glaccount",
    "gifting_glimport",
    "gifting_glline",
    "gifting_glmapping",
    "gifting_glrejectedline",
    "gifting_journalfile",
    "gifting_periodclose",
    "gifting_reconciliationcause",
    "gifting_reconciliationexplanation",
    "gifting_reconciliationmatch",
    "gifting_reconciliationrun",
    "gifting_restatement",
    "gifting_spendcoding",
    "gifting_costline",
    "gifting_creditnote",
    "gifting_creditnoteline",
    "gifting_costshare",
    "gifting_credituse",
    "gifting_fundancestor",
    "gifting_fundinglineage",
    "gifting_giftrule",
    "gifting_match",
    "gifting_matchpolicy",
    "gifting_ledgerseal",
    "gifting_operation",
    "gifting_override",
    "gifting_overrideuse",
    "gifting_periodevent",
    "gifting_recipientgift",
    "gifting_organizationrate",
    "gifting_ratefile",
    "gifting_referencefile",
    "gifting_referencerate",
    "gifting_pricetier",
    "gifting_purchaseorder",
    "gifting_purchaseorderline",
    "gifting_receipt",
    "gifting_reportsnapshot",
    "gifting_sendevent",
    "gifting_signoff",
    "gifting_taxrule",
    "gifting_transfer",
    "gifting_vendorinvoice",
    "gifting_vendorinvoiceline",
    "gifting_vendormerge",
    "integrations_importrun",
    "integrations_quarantinedrow",
    "integrations_recordalias",
    "integrations_syncrun",
    "gifting_sendcommitment",
    "gifting_senddecision",
    "gifting_sendfact",
    "gifting_sendposting",
    "gifting_sendrequest",
    "gifting_sendshare",
}
OWNERS_FUNCTIONS = {
    "check_period_neighbors": ["search_path=public, pg_temp"],
    "check_shared_entry": ["search_path=public, pg_temp"],
    "judge_forecast_line": ["search_path=public, pg_temp"],
    "apply_policy": ["search_path=public, pg_temp"],
    "end_requests": ["search_path=public, pg_temp"],
    "apply_requests": ["search_path=public, pg_temp"],
    "apply_credit_use": ["search_path=public, pg_temp"],
    "check_cost_lines_are_shared": ["search_path=public, pg_temp"],
    "check_cost_shares": ["search_path=public, pg_temp"],
    "check_send_approval": ["search_path=public, pg_temp"],
    "check_send_commitments": ["search_path=public, pg_temp"],
    "check_books_at_commit": ["search_path=public, pg_temp"],
    "log_restatements": ["search_path=public, pg_temp"],
    "store_closing_figures": ["search_path=public, pg_temp"],
    "void_journal_items": ["search_path=public, pg_temp"],
    "apply_entries": ["search_path=public, pg_temp"],
    "apply_lineage": ["search_path=public, pg_temp"],
    "apply_transfers": ["search_path=public, pg_temp"],
    "check_at_commit": ["search_path=public, pg_temp"],
    "derive_approval_state": ["search_path=public, pg_temp"],
    "derive_send_state": ["search_path=public, pg_temp"],
    "judge_approval": ["search_path=public, pg_temp"],
    "judge_override_use": ["search_path=public, pg_temp"],
    "move_approval_request": ["search_path=public, pg_temp"],
    "move_period": ["search_path=public, pg_temp"],
    "move_sender_spend": ["search_path=public, pg_temp"],
    "open_added_funds": ["search_path=public, pg_temp"],
    "roll_up_costs": ["search_path=public, pg_temp"],
}
GUARDS = {
    "check_close_is_signed",
    "judge_overrun_settlement",
    "person_behind",
    "keep_posted_period",
    "judge_shared_repayment",
    "judge_shared_loan",
    "moved_between",
    "judge_shared_activation",
    "judge_shared_consent",
    "consenters",
    "judge_shared_side",
    "terms_in_force",
    "closing_figures",
    "copy_preparer",
    "fault_of_journal_batch",
    "fault_of_reconciliation",
    "judge_journal_item",
    "judge_reconciliation",
    "judge_reconciliation_part",
    "number_journal_batch",
    "refuse_at_books",
    "judge_rollover",
    "judge_entry_approval",
    "judge_overrun",
    "place_request",
    "repay_decisions",
    "overrun_by_decision",
    "keep_reach",
    "reach_of",
    "judge_reach",
    "matching_funds",
    "judge_budget_scope",
    "acts_for",
    "name_exception_requester",
    "key_document",
    "judge_vendor_merge",
    "judge_receipt",
    "judge_order_line",
    "judge_matches",
    "judge_invoice_line",
    "judge_credit_line",
    "check_invoice_total",
    "check_cost_line",
    "claim_key",
    "hold_recipient",
    "judge_approval_request",
    "current_cut",
    "judge_conversion",
    "judge_sign_off",
    "make_seal",
    "settle_cluster_epoch",
    "enter_and_claim",
    "funds_and_period",
    "judge_period_event",
    "judge_recipient_link",
    "judge_rollup",
    "judge_send_event",
    "lock_recipients",
    "open_funds",
    "refuse_change",
    "refuse_overspend",
    "spend_differences",
    "judge_send_decision",
    "judge_send_fact",
    "judge_send_posting",
    "judge_send_request",
    "judge_send_share",
    "keep_money_timing",
    *OWNERS_FUNCTIONS,
}
VIEWS = {"gifting_sendtouch", "gifting_vendorentity"}
UNLINKED_TABLES = {"attribution_credit"}  # Proved by the run that writes it, in one join.

TENANT_TABLES = """
    SELECT c.oid, c.relname FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND EXISTS (SELECT FROM pg_attribute AS a
                    WHERE a.attrelid = c.oid AND a.attname = 'organization_id'
                        AND NOT a.attisdropped)
"""


def test_every_tenant_table_has_its_wall() -> None:
    assert unwalled_tables() == set()


def test_every_table_is_a_tenants_or_known_to_be_shared() -> None:
    tables = {
        name
        for (name,) in _sql(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
            " AND relnamespace = 'public'::regnamespace"
        )
    }
    tenants = {name for _, name in _sql(TENANT_TABLES)}

    assert tables - tenants == set(SHARED_TABLES)
    assert {model._meta.db_table for model in everything.tenant_models()} == tenants


def test_no_other_policy_opens_a_table() -> None:
    policies = {
        (table, name): (command, using, check, permissive)
        for table, name, command, using, check, permissive in _sql(
            "SELECT tablename, policyname, cmd, qual, with_check, permissive FROM pg_policies"
            " WHERE schemaname = 'public'"
        )
    }
    tenants = {(name, "tenant") for _, name in _sql(TENANT_TABLES)}

    assert set(policies) == tenants | POLICIES
    doors = {key: command for key, (command, *_) in policies.items() if key[1] == "door"}
    assert set(doors.values()) == {"SELECT"}
    assert policies["gifting_organization", "tenant"] == (
        "ALL",
        "(id = current_organization())",
        "(id = current_organization())",
        "PERMISSIVE",
    )


def test_every_link_carries_the_organization() -> None:
    assert unlinked_columns() == set()


def test_every_key_is_unique_inside_an_organization_and_not_across() -> None:
    assert keys_across_organizations() == set()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        pytest.param("", {"planted"}, id="nothing"),
        pytest.param(
            "ALTER TABLE planted ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON planted USING {INSIDE} WITH CHECK {INSIDE}",
            {"planted"},
            id="not forced",
        ),
        pytest.param(
            "ALTER TABLE planted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            {"planted"},
            id="no policy",
        ),
        pytest.param(
            "ALTER TABLE planted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON planted USING {INSIDE} WITH CHECK (true)",
            {"planted"},
            id="check open",
        ),
        pytest.param(
            "ALTER TABLE planted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON planted FOR SELECT USING {INSIDE}",
            {"planted"},
            id="select only",
        ),
        pytest.param(
            "ALTER TABLE planted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            "CREATE POLICY tenant ON planted USING (true) WITH CHECK (true)",
            {"planted"},
            id="open",
        ),
        pytest.param(
            "CALL protect_tenant('planted'); CREATE POLICY extra ON planted USING (true)",
            {"planted"},
            id="a second policy",
        ),
        pytest.param("CALL protect_tenant('planted')", set(), id="walled"),
    ],
)
def test_a_planted_table_without_a_wall_is_found(statement: str, fault: set[str]) -> None:
    _plant(statement)

    found = unwalled_tables()

    assert found == fault


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        pytest.param(
            "ALTER TABLE planted ADD FOREIGN KEY (vendor_id) REFERENCES gifting_vendor (id)",
            {"planted.vendor_id"},
            id="plain foreign key",
        ),
        pytest.param(
            "CALL link_tenant('planted', 'vendor_id', 'gifting_vendor')", set(), id="linked"
        ),
    ],
)
def test_a_planted_reference_without_its_link_is_found(statement: str, fault: set[str]) -> None:
    _plant("CALL protect_tenant('planted')")
    _as_owner(statement)

    found = unlinked_columns()

    assert found == fault


def test_a_planted_key_across_organizations_is_found() -> None:
    _plant("CALL protect_tenant('planted'); ALTER TABLE planted ADD UNIQUE (vendor_id)")

    found = keys_across_organizations()

    assert found == {"planted_vendor_id_key"}


def test_every_history_is_sealed() -> None:
    said_to_be_append_only = {
        model._meta.db_table
        for model in everything.tenant_models()
        if "Append-only" in (model.__doc__ or "")
    }

    sealed = {
        table
        for (table,) in _sql(
            "SELECT tgrelid::regclass::text FROM pg_trigger"
            " WHERE tgname IN ('history_is_kept', 'history_is_not_truncated') AND tgenabled = 'O'"
            " GROUP BY 1 HAVING count(*) = 2"
        )
    }

    assert sealed == SEALED_TABLES
    assert said_to_be_append_only <= SEALED_TABLES


def test_functions_with_the_owners_rights_are_known_and_closed() -> None:
    functions = dict(
        _sql(
            "SELECT proname, proconfig FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        )
    )
    executable = {
        name
        for (name,) in _sql(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
            " AND (has_function_privilege('tribute_app', oid, 'EXECUTE')"
            "   OR has_function_privilege('tribute_credits', oid, 'EXECUTE'))"
        )
    }

    assert functions == OWNERS_FUNCTIONS
    assert executable == set()


def test_functions_that_guard_read_the_real_tables() -> None:
    """A temporary table is found first unless the path says otherwise."""
    with_fixed_path = {
        name
        for (name,) in _sql(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND proconfig = ARRAY['search_path=public, pg_temp']"
        )
    }

    assert with_fixed_path == GUARDS


def test_views_ask_with_the_rights_of_their_reader() -> None:
    views = dict(
        _sql(
            "SELECT relname, reloptions FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
        )
    )

    assert views == {view: ["security_invoker=true"] for view in VIEWS}


def test_this_suite_runs_as_the_application() -> None:
    assert _sql("SELECT current_user") == [("tribute_app",)]


def test_the_application_is_nobody_special() -> None:
    attributes = _sql(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin"
        " FROM pg_roles WHERE rolname = 'tribute_app'"
    )
    owned = _sql(
        "SELECT relname FROM pg_class WHERE relowner = 'tribute_app'::regrole"
        " AND relpersistence <> 't'"
    )
    groups = _sql(
        "SELECT roleid::regrole FROM pg_auth_members WHERE member = 'tribute_app'::regrole"
    )

    assert attributes == [(False,) * 6]
    assert owned == []
    assert groups == []


def test_the_application_can_neither_empty_nor_alter_nor_hook_onto_a_table() -> None:
    allowed = _sql(
        "SELECT relname, privilege FROM pg_class,"
        " unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        " AND has_table_privilege('tribute_app', oid, privilege)"
    )

    assert allowed == []


def test_the_application_makes_nothing_in_the_schema() -> None:
    allowed = _sql("SELECT has_schema_privilege('tribute_app', 'public', 'CREATE')")

    assert allowed == [(False,)]


@pytest.mark.parametrize("table", sorted(SEALED_TABLES))
def test_the_application_may_only_add_to_a_history(table: str) -> None:
    assert _privileges("tribute_app", table) <= {"SELECT", "INSERT"}


@pytest.mark.parametrize(
    ("table", "privileges"),
    [
        ("attribution_credit", {"SELECT"}),
        ("gifting_senderspend", {"SELECT"}),
        ("gifting_spendrollup", {"SELECT"}),
        ("gifting_clusterepoch", {"SELECT"}),
        ("gifting_referencefile", {"SELECT"}),
        ("gifting_referencerate", {"SELECT"}),
        ("gifting_sendtransition", {"SELECT"}),
        ("gifting_send", {"SELECT", "INSERT"}),
        ("gifting_sendtouch", {"SELECT"}),
        ("gifting_approvalrequest", {"SELECT", "INSERT"}),
        ("gifting_budget", {"SELECT", "INSERT", "UPDATE"}),
        ("gifting_commitment", {"SELECT"}),
        ("gifting_delegation", {"SELECT", "INSERT"}),
        ("gifting_fiscalperiod", {"SELECT", "INSERT", "DELETE"}),
        ("gifting_fund", {"SELECT"}),
        ("gifting_fundancestor", {"SELECT"}),
        ("gifting_fundingsource", {"SELECT"}),
        ("gifting_overrunexception", {"SELECT", "INSERT"}),
        ("gifting_recipientlink", {"SELECT", "INSERT"}),
        ("gifting_recipientlock", {"SELECT", "INSERT"}),
        ("django_migrations", {"SELECT"}),
    ],
)
def test_what_the_application_must_not_write_by_hand(table: str, privileges: set[str]) -> None:
    assert _privileges("tribute_app", table) == privileges


def test_the_writer_of_credits_does_nothing_else() -> None:
    attributes = _sql(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles"
        " WHERE rolname = 'tribute_credits'"
    )
    tables = _sql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'v', 'm')"
    )

    allowed = {table: _privileges("tribute_credits", table) for (table,) in tables}

    assert attributes == [(False, True, False, False, False)]
    assert {table: found for table, found in allowed.items() if found} == {
        "attribution_credit": {"INSERT"}
    }


def test_the_legal_moves_in_the_database_are_those_of_the_product() -> None:
    moves = set(_sql("SELECT from_state, to_state FROM gifting_sendtransition"))

    expected = {("", state.value) for state in lifecycle.State} | {
        (before.value, after.value)
        for before, following in lifecycle.TRANSITIONS.items()
        for after in following
    }
    assert moves == expected


def unwalled_tables() -> set[str]:
    """Name each tenant table without row security, forced, by exactly the tenant's policy."""
    rows = _sql(
        f"""
        SELECT t.relname, c.relrowsecurity AND c.relforcerowsecurity,
            array_agg(p.policyname::text || ' ' || p.cmd || ' ' || coalesce(p.qual, '') || ' '
                || coalesce(p.with_check, ''))
        FROM ({TENANT_TABLES}) AS t JOIN pg_class AS c ON c.oid = t.oid
        LEFT JOIN pg_policies AS p ON p.schemaname = 'public' AND p.tablename = t.relname
            AND NOT (p.policyname = 'door' AND p.cmd = 'SELECT')
        GROUP BY 1, 2"""
    )
    return {
        table
        for table, is_forced, policies in rows
        if not is_forced or policies != [f"tenant ALL {INSIDE} {INSIDE}"]
    }


def unlinked_columns() -> set[str]:
    """Name each column that refers to a tenant table without the organization beside it."""
    by_model = {
        (model._meta.db_table, field.column)
        for model in everything.tenant_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
        and field.related_model in everything.tenant_models()
    }
    by_constraint = set(
        _sql(
            f"""
            SELECT child.relname, a.attname FROM pg_constraint AS k
            JOIN ({TENANT_TABLES}) AS child ON child.oid = k.conrelid
            JOIN ({TENANT_TABLES}) AS parent ON parent.oid = k.confrelid
            JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
            WHERE k.contype = 'f' AND a.attname <> 'organization_id'"""
        )
    )
    linked = set(
        _sql(
            """
            SELECT k.conrelid::regclass::text, column_name.attname FROM pg_constraint AS k
            JOIN pg_attribute AS organization ON organization.attrelid = k.conrelid
                AND organization.attnum = k.conkey[1] AND organization.attname = 'organization_id'
            JOIN pg_attribute AS parent ON parent.attrelid = k.confrelid
                AND parent.attnum = k.confkey[1] AND parent.attname = 'organization_id'
            JOIN pg_attribute AS column_name ON column_name.attrelid = k.conrelid
                AND column_name.attnum = k.conkey[2]
            WHERE k.contype = 'f' AND cardinality(k.conkey) = 2 AND k.convalidated"""
        )
    )
    return {
        f"{table}.{column}"
        for table, column in (by_model | by_constraint) - linked
        if table not in UNLINKED_TABLES
    }


def keys_across_organizations() -> set[str]:
    """Name each unique index but the internal key that does not start with the organization."""
    return {
        name
        for (name,) in _sql(
            f"""
            SELECT i.indexrelid::regclass::text FROM pg_index AS i
            JOIN ({TENANT_TABLES}) AS t ON t.oid = i.indrelid
            JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
            WHERE (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary
                AND a.attname <> 'organization_id'"""
        )
    }


def _plant(statement: str) -> None:
    _as_owner(
        "CREATE TABLE planted (id bigint PRIMARY KEY, organization_id uuid NOT NULL,"
        " vendor_id bigint)"
    )
    _as_owner(statement)


def _as_owner(statement: str) -> None:
    _sql("SET LOCAL ROLE NONE")
    for part in filter(None, statement.split(";")):
        _sql(part)
    _sql("SET LOCAL ROLE tribute_app")


def _privileges(role: str, table: str) -> set[str]:
    return {
        privilege
        for (privilege,) in _sql(
            "SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE',"
            f" 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege WHERE has_table_privilege("
            f"'{role}', 'public.{table}', privilege)"
        )
    }


def _sql(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
