-- Approvals. Answers and events are added and never changed; the state of a request follows from them, in the
-- statement that adds them. The request is the only row that an answer locks.

CALL protect_tenant('gifting_approval');
CALL protect_tenant('gifting_approvalevent');
CALL protect_tenant('gifting_approvalpolicy');
CALL protect_tenant('gifting_approvalrequest');
CALL protect_tenant('gifting_delegation');
CALL protect_tenant('gifting_override');
CALL protect_tenant('gifting_overrideuse');

CALL link_tenant('gifting_approval', 'request_id', 'gifting_approvalrequest');
CALL link_tenant('gifting_approval', 'delegation_id', 'gifting_delegation');
CALL link_tenant('gifting_approvalevent', 'request_id', 'gifting_approvalrequest');
CALL link_tenant('gifting_approvalrequest', 'policy_id', 'gifting_approvalpolicy');
CALL link_tenant('gifting_approvalrequest', 'cost_center_id', 'gifting_costcenter');
CALL link_tenant('gifting_approvalrequest', 'token_id', 'gifting_servicetoken');
CALL link_tenant('gifting_override', 'recipient_id', 'gifting_recipient');
CALL link_tenant('gifting_overrideuse', 'override_id', 'gifting_override');

CALL seal_history('gifting_approval');
CALL seal_history('gifting_approvalevent');
CALL seal_history('gifting_approvalpolicy');
CALL seal_history('gifting_override');
CALL seal_history('gifting_overrideuse');

REVOKE UPDATE, DELETE, TRUNCATE ON gifting_approvalrequest FROM tribute_app;
REVOKE UPDATE, DELETE, TRUNCATE ON gifting_delegation FROM tribute_app;
GRANT UPDATE (revoked_at, revoked_by_id) ON gifting_delegation TO tribute_app;

-- What a request says stays; what becomes of it is derived, also for the owner of the tables.
CREATE TRIGGER approval_request_is_kept BEFORE UPDATE ON gifting_approvalrequest
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 OR (to_jsonb(NEW) - '{state,decided_at,is_escalated}'::text[])
        <> (to_jsonb(OLD) - '{state,decided_at,is_escalated}'::text[]))
    EXECUTE FUNCTION refuse_rule('approval_request_is_kept', 'a request stays as it was made');
CREATE TRIGGER approval_request_is_not_removed BEFORE DELETE ON gifting_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approval_request_is_not_truncated BEFORE TRUNCATE ON gifting_approvalrequest
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER delegation_is_ended_once BEFORE UPDATE ON gifting_delegation
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
        OR (to_jsonb(NEW) - '{revoked_at,revoked_by_id}'::text[])
            <> (to_jsonb(OLD) - '{revoked_at,revoked_by_id}'::text[]))
    EXECUTE FUNCTION refuse_rule('delegation_is_ended_once', 'a delegation is ended once, and not changed');
CREATE TRIGGER delegation_is_not_removed BEFORE DELETE ON gifting_delegation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A request waits if somebody has to approve it, and is approved if nobody has to. One that a machine makes is its
-- owner's: else its owner could approve it.
CREATE FUNCTION judge_approval_request() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    IF NEW.state <> (CASE jsonb_array_length(NEW.steps) WHEN 0 THEN 'APPROVED' ELSE 'PENDING' END)
        OR NEW.is_escalated OR (NEW.decided_at IS NULL) <> (NEW.state = 'PENDING') THEN
        RAISE EXCEPTION 'the state of a request is derived' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'approval_request_state_is_derived';
    END IF;
    IF NEW.token_id IS NOT NULL AND NEW.requested_by_id IS DISTINCT FROM (
        SELECT created_by_id FROM gifting_servicetoken
        WHERE organization_id = NEW.organization_id AND id = NEW.token_id) THEN
        RAISE EXCEPTION 'what a token asks for is asked for by who made the token' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'approval_request_of_a_token_is_its_makers';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approval_request_is_judged BEFORE INSERT ON gifting_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION judge_approval_request();

-- Tell whether a delegation from one of these people to another holds on a day.
CREATE FUNCTION acts_for(owner_id uuid, principals integer[], agent integer, day date) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT FROM gifting_delegation
        WHERE organization_id = owner_id AND delegator_id = ANY (principals) AND delegate_id = agent
            AND revoked_at IS NULL AND day >= starts_on AND day < ends_on)
$$;

-- Judge an answer. The request is locked, so two answers, or an answer and its end, wait for each other.
CREATE FUNCTION judge_approval() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    asked gifting_approvalrequest;
    principal_role text;
    day date;
    fault text;
BEGIN
    SELECT * INTO asked FROM gifting_approvalrequest
        WHERE organization_id = NEW.organization_id AND id = NEW.request_id FOR UPDATE;
    SELECT role INTO principal_role FROM gifting_membership
        WHERE organization_id = NEW.organization_id AND user_id = NEW.on_behalf_of_id;
    SELECT (NEW.decided_at AT TIME ZONE time_zone)::date INTO day FROM gifting_organization
        WHERE id = NEW.organization_id;
    fault := CASE
        WHEN asked.state IS DISTINCT FROM 'PENDING' THEN 'approval_request_is_open'
        WHEN NEW.decided_at >= asked.expires_at THEN 'approval_is_in_time'
        WHEN NEW.approved_by_id IN (asked.requested_by_id, asked.prepared_by_id)
            OR NEW.on_behalf_of_id IN (asked.requested_by_id, asked.prepared_by_id)
            THEN 'approver_is_not_requester'
        WHEN asked.forbids_delegates AND acts_for(NEW.organization_id,
            ARRAY[asked.requested_by_id, asked.prepared_by_id], NEW.approved_by_id, day)
            THEN 'approver_is_no_delegate_of_requester'
        WHEN NEW.delegation_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM gifting_delegation
            WHERE organization_id = NEW.organization_id AND id = NEW.delegation_id
                AND delegator_id = NEW.on_behalf_of_id AND delegate_id = NEW.approved_by_id
                AND revoked_at IS NULL AND day >= starts_on AND day < ends_on)
            THEN 'delegation_is_in_force'
        WHEN cardinality(NEW.step_numbers) = 0 OR EXISTS (
            SELECT FROM unnest(NEW.step_numbers) AS taken (number)
            WHERE NOT EXISTS (
                SELECT FROM jsonb_array_elements(asked.steps) AS step
                WHERE (step ->> 'number')::integer = taken.number AND principal_role IS NOT NULL
                    AND (step ->> 'role' = principal_role
                        OR (step ->> 'user_id')::integer = NEW.on_behalf_of_id
                        OR (asked.is_escalated AND asked.escalates_to = principal_role))))
            THEN 'approval_fits_its_steps'
        END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the answer breaks the rule %', fault USING
            ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approval_is_judged BEFORE INSERT ON gifting_approval
    FOR EACH ROW EXECUTE FUNCTION judge_approval();

-- One refusal is the end; an approval is one when every step has as many as it needs.
CREATE FUNCTION derive_approval_state() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    UPDATE gifting_approvalrequest AS request SET state = NEW.verdict, decided_at = NEW.decided_at
    WHERE request.organization_id = NEW.organization_id AND request.id = NEW.request_id
        AND (NEW.verdict = 'REJECTED' OR NOT EXISTS (
            SELECT FROM jsonb_array_elements(request.steps) AS step
            WHERE (step ->> 'count')::integer > (
                SELECT count(*) FROM gifting_approval AS given
                WHERE given.organization_id = request.organization_id AND given.request_id = request.id
                    AND (step ->> 'number')::integer = ANY (given.step_numbers))));
    RETURN NULL;
END $$;

CREATE TRIGGER approval_state_is_derived AFTER INSERT ON gifting_approval
    FOR EACH ROW EXECUTE FUNCTION derive_approval_state();

CREATE FUNCTION move_approval_request() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    UPDATE gifting_approvalrequest AS request SET
        state = CASE NEW.kind WHEN 'ESCALATED' THEN request.state ELSE NEW.kind END,
        decided_at = CASE NEW.kind WHEN 'ESCALATED' THEN NULL ELSE NEW.occurred_at END,
        is_escalated = request.is_escalated OR NEW.kind = 'ESCALATED'
    WHERE request.organization_id = NEW.organization_id AND request.id = NEW.request_id
        AND request.state = 'PENDING'
        AND NEW.occurred_at >= CASE NEW.kind
            WHEN 'ESCALATED' THEN request.escalates_at WHEN 'EXPIRED' THEN request.expires_at
            ELSE request.requested_at END;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the request is decided, or it is too early' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'approval_event_is_due';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approval_event_moves_its_request BEFORE INSERT ON gifting_approvalevent
    FOR EACH ROW EXECUTE FUNCTION move_approval_request();

-- An override is used by others than its approver, in its time and no more often than it says. Its row is locked.
CREATE FUNCTION judge_override_use() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
DECLARE
    granted gifting_override;
    fault text;
BEGIN
    SELECT * INTO granted FROM gifting_override
        WHERE organization_id = NEW.organization_id AND id = NEW.override_id FOR UPDATE;
    fault := CASE
        WHEN NEW.used_at < granted.valid_from OR NEW.used_at >= granted.valid_until
            THEN 'override_is_in_force'
        WHEN NEW.user_id = granted.approved_by_id THEN 'override_is_not_used_by_its_approver'
        WHEN granted.subject_id <> NEW.subject_id THEN 'override_is_for_its_subject'
        WHEN granted.most_uses <= (SELECT count(*) FROM gifting_overrideuse
            WHERE organization_id = NEW.organization_id AND override_id = NEW.override_id)
            THEN 'override_is_not_used_up'
        END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'the use breaks the rule %', fault USING
            ERRCODE = 'check_violation', CONSTRAINT = fault;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER override_use_is_judged BEFORE INSERT ON gifting_overrideuse
    FOR EACH ROW EXECUTE FUNCTION judge_override_use();

REVOKE EXECUTE ON FUNCTION judge_approval(), derive_approval_state(), move_approval_request(),
    judge_override_use() FROM PUBLIC;
