-- The legal moves of a send; the empty state is that of a send without events, which may enter anywhere.
CREATE TABLE gifting_sendtransition (
    from_state text NOT NULL,
    to_state text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO gifting_sendtransition (from_state, to_state) VALUES
    ('', 'DRAFT'),
    ('', 'SCHEDULED'),
    ('', 'PENDING_APPROVAL'),
    ('', 'ON_HOLD'),
    ('', 'OFFERED'),
    ('', 'OPENED'),
    ('', 'CLICKED'),
    ('', 'ACCEPTED'),
    ('', 'IN_FULFILLMENT'),
    ('', 'SHIPPED'),
    ('', 'DELIVERED'),
    ('', 'DECLINED'),
    ('', 'EXPIRED'),
    ('', 'CANCELLED'),
    ('', 'REFUNDED'),
    ('', 'UNDELIVERABLE'),
    ('', 'FAILED'),
    ('DRAFT', 'SCHEDULED'),
    ('DRAFT', 'PENDING_APPROVAL'),
    ('DRAFT', 'ON_HOLD'),
    ('DRAFT', 'OFFERED'),
    ('DRAFT', 'OPENED'),
    ('DRAFT', 'CLICKED'),
    ('DRAFT', 'ACCEPTED'),
    ('DRAFT', 'IN_FULFILLMENT'),
    ('DRAFT', 'SHIPPED'),
    ('DRAFT', 'DELIVERED'),
    ('DRAFT', 'DECLINED'),
    ('DRAFT', 'EXPIRED'),
    ('DRAFT', 'CANCELLED'),
    ('DRAFT', 'REFUNDED'),
    ('DRAFT', 'UNDELIVERABLE'),
    ('DRAFT', 'FAILED'),
    ('SCHEDULED', 'PENDING_APPROVAL'),
    ('SCHEDULED', 'ON_HOLD'),
    ('SCHEDULED', 'OFFERED'),
    ('SCHEDULED', 'OPENED'),
    ('SCHEDULED', 'CLICKED'),
    ('SCHEDULED', 'ACCEPTED'),
    ('SCHEDULED', 'IN_FULFILLMENT'),
    ('SCHEDULED', 'SHIPPED'),
    ('SCHEDULED', 'DELIVERED'),
    ('SCHEDULED', 'DECLINED'),
    ('SCHEDULED', 'EXPIRED'),
    ('SCHEDULED', 'CANCELLED'),
    ('SCHEDULED', 'REFUNDED'),
    ('SCHEDULED', 'UNDELIVERABLE'),
    ('SCHEDULED', 'FAILED'),
    ('PENDING_APPROVAL', 'SCHEDULED'),
    ('PENDING_APPROVAL', 'ON_HOLD'),
    ('PENDING_APPROVAL', 'OFFERED'),
    ('PENDING_APPROVAL', 'OPENED'),
    ('PENDING_APPROVAL', 'CLICKED'),
    ('PENDING_APPROVAL', 'ACCEPTED'),
    ('PENDING_APPROVAL', 'IN_FULFILLMENT'),
    ('PENDING_APPROVAL', 'SHIPPED'),
    ('PENDING_APPROVAL', 'DELIVERED'),
    ('PENDING_APPROVAL', 'DECLINED'),
    ('PENDING_APPROVAL', 'EXPIRED'),
    ('PENDING_APPROVAL', 'CANCELLED'),
    ('PENDING_APPROVAL', 'REFUNDED'),
    ('PENDING_APPROVAL', 'UNDELIVERABLE'),
    ('PENDING_APPROVAL', 'FAILED'),
    ('ON_HOLD', 'SCHEDULED'),
    ('ON_HOLD', 'PENDING_APPROVAL'),
    ('ON_HOLD', 'OFFERED'),
    ('ON_HOLD', 'OPENED'),
    ('ON_HOLD', 'CLICKED'),
    ('ON_HOLD', 'ACCEPTED'),
    ('ON_HOLD', 'IN_FULFILLMENT'),
    ('ON_HOLD', 'SHIPPED'),
    ('ON_HOLD', 'DELIVERED'),
    ('ON_HOLD', 'DECLINED'),
    ('ON_HOLD', 'EXPIRED'),
    ('ON_HOLD', 'CANCELLED'),
    ('ON_HOLD', 'REFUNDED'),
    ('ON_HOLD', 'UNDELIVERABLE'),
    ('ON_HOLD', 'FAILED'),
    ('OFFERED', 'ON_HOLD'),
    ('OFFERED', 'OPENED'),
    ('OFFERED', 'CLICKED'),
    ('OFFERED', 'ACCEPTED'),
    ('OFFERED', 'IN_FULFILLMENT'),
    ('OFFERED', 'SHIPPED'),
    ('OFFERED', 'DELIVERED'),
    ('OFFERED', 'DECLINED'),
    ('OFFERED', 'EXPIRED'),
    ('OFFERED', 'CANCELLED'),
    ('OFFERED', 'REFUNDED'),
    ('OFFERED', 'UNDELIVERABLE'),
    ('OFFERED', 'FAILED'),
    ('OPENED', 'ON_HOLD'),
    ('OPENED', 'CLICKED'),
    ('OPENED', 'ACCEPTED'),
    ('OPENED', 'IN_FULFILLMENT'),
    ('OPENED', 'SHIPPED'),
    ('OPENED', 'DELIVERED'),
    ('OPENED', 'DECLINED'),
    ('OPENED', 'EXPIRED'),
    ('OPENED', 'CANCELLED'),
    ('OPENED', 'REFUNDED'),
    ('OPENED', 'UNDELIVERABLE'),
    ('OPENED', 'FAILED'),
    ('CLICKED', 'ON_HOLD'),
    ('CLICKED', 'ACCEPTED'),
    ('CLICKED', 'IN_FULFILLMENT'),
    ('CLICKED', 'SHIPPED'),
    ('CLICKED', 'DELIVERED'),
    ('CLICKED', 'DECLINED'),
    ('CLICKED', 'EXPIRED'),
    ('CLICKED', 'CANCELLED'),
    ('CLICKED', 'REFUNDED'),
    ('CLICKED', 'UNDELIVERABLE'),
    ('CLICKED', 'FAILED'),
    ('ACCEPTED', 'ON_HOLD'),
    ('ACCEPTED', 'IN_FULFILLMENT'),
    ('ACCEPTED', 'SHIPPED'),
    ('ACCEPTED', 'DELIVERED'),
    ('ACCEPTED', 'CANCELLED'),
    ('ACCEPTED', 'REFUNDED'),
    ('ACCEPTED', 'UNDELIVERABLE'),
    ('ACCEPTED', 'FAILED'),
    ('IN_FULFILLMENT', 'ON_HOLD'),
    ('IN_FULFILLMENT', 'SHIPPED'),
    ('IN_FULFILLMENT', 'DELIVERED'),
    ('IN_FULFILLMENT', 'CANCELLED'),
    ('IN_FULFILLMENT', 'REFUNDED'),
    ('IN_FULFILLMENT', 'UNDELIVERABLE'),
    ('IN_FULFILLMENT', 'FAILED'),
    ('SHIPPED', 'DELIVERED'),
    ('SHIPPED', 'CANCELLED'),
    ('SHIPPED', 'REFUNDED'),
    ('SHIPPED', 'UNDELIVERABLE'),
    ('SHIPPED', 'FAILED'),
    ('DELIVERED', 'REFUNDED'),
    ('DELIVERED', 'UNDELIVERABLE'),
    ('DECLINED', 'REFUNDED'),
    ('EXPIRED', 'REFUNDED'),
    ('CANCELLED', 'REFUNDED'),
    ('UNDELIVERABLE', 'REFUNDED'),
    ('FAILED', 'REFUNDED');
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON gifting_sendtransition FROM tribute_app;

-- Number the event and judge the move. The send is locked, so two events of one send wait for each other.
CREATE FUNCTION judge_send_event() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    sent gifting_send;
BEGIN
    SELECT * INTO sent FROM gifting_send
        WHERE organization_id = NEW.organization_id AND id = NEW.send_id FOR UPDATE;
    NEW.number := sent.last_event_number + 1;
    NEW.from_state := CASE sent.last_event_number WHEN 0 THEN '' ELSE sent.state END;
    IF NOT EXISTS (SELECT FROM gifting_sendtransition
                   WHERE from_state = NEW.from_state AND to_state = NEW.to_state) THEN
        RAISE EXCEPTION 'a send cannot go from % to %', NEW.from_state, NEW.to_state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'send_transition_is_legal';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER send_event_is_judged BEFORE INSERT ON gifting_sendevent
    FOR EACH ROW EXECUTE FUNCTION judge_send_event();

-- Derive the state after the event is really there, so that an ignored duplicate moves nothing.
CREATE FUNCTION derive_send_state() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    UPDATE gifting_send SET
        state = NEW.to_state,
        last_event_number = NEW.number,
        sent_at = coalesce(sent_at, CASE WHEN NEW.to_state IN
            ('OFFERED', 'OPENED', 'CLICKED', 'ACCEPTED', 'SHIPPED', 'DELIVERED') THEN NEW.occurred_at END),
        delivered_at = coalesce(delivered_at, CASE WHEN NEW.to_state = 'DELIVERED' THEN NEW.occurred_at END)
    WHERE organization_id = NEW.organization_id AND id = NEW.send_id;
    RETURN NULL;
END $$;

CREATE TRIGGER send_state_is_derived AFTER INSERT ON gifting_sendevent
    FOR EACH ROW EXECUTE FUNCTION derive_send_state();

-- A send starts without a history of its own making.
CREATE FUNCTION refuse_made_up_state() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the state of a send is derived from its events'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'send_state_is_derived';
END $$;

CREATE TRIGGER send_starts_as_draft BEFORE INSERT ON gifting_send
    FOR EACH ROW WHEN (NEW.state <> 'DRAFT' OR NEW.last_event_number <> 0
        OR NEW.sent_at IS NOT NULL OR NEW.delivered_at IS NOT NULL)
    EXECUTE FUNCTION refuse_made_up_state();

-- The application may change what a person may correct, never what events decide.
REVOKE UPDATE, DELETE, TRUNCATE ON gifting_send FROM tribute_app;
GRANT UPDATE (campaign_id, vendor_id, gift_item_id, recipient_id, cost_center_id, account_reference,
    sender_reference, quantity) ON gifting_send TO tribute_app;
