-- Rules about gifts and what recipients were given. Whoever adds a gift or says who counts as whom holds the lock of
-- the recipient that it counts for, until the end of the transaction: of two gifts, one sees the other.

CALL protect_tenant('gifting_giftrule');
CALL protect_tenant('gifting_recipientgift');
CALL protect_tenant('gifting_recipientlink');
CALL protect_tenant('gifting_recipientlock');
CALL protect_tenant('gifting_taxrule');

CALL link_tenant('gifting_recipientgift', 'recipient_id', 'gifting_recipient');
CALL link_tenant('gifting_recipientgift', 'send_id', 'gifting_send');
CALL link_tenant('gifting_recipientgift', 'reverses_id', 'gifting_recipientgift');
CALL link_tenant('gifting_recipientlink', 'recipient_id', 'gifting_recipient');
CALL link_tenant('gifting_recipientlink', 'counts_as_id', 'gifting_recipient');
CALL link_tenant('gifting_recipientlock', 'recipient_id', 'gifting_recipient');

CALL seal_history('gifting_giftrule');
CALL seal_history('gifting_recipientgift');
CALL seal_history('gifting_taxrule');

REVOKE UPDATE, DELETE, TRUNCATE ON gifting_recipientlink FROM tribute_app;
GRANT UPDATE (ended_at, ended_by_id) ON gifting_recipientlink TO tribute_app;
-- What lets the application lock the row; there is nothing in it to change.
REVOKE UPDATE, DELETE, TRUNCATE ON gifting_recipientlock FROM tribute_app;
GRANT UPDATE (recorded_at) ON gifting_recipientlock TO tribute_app;

CREATE TRIGGER recipient_link_is_ended_once BEFORE UPDATE ON gifting_recipientlink
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL
        OR (to_jsonb(NEW) - '{ended_at,ended_by_id}'::text[]) <> (to_jsonb(OLD) - '{ended_at,ended_by_id}'::text[]))
    EXECUTE FUNCTION refuse_rule('recipient_link_is_ended_once', 'a link is ended once, and not changed');
CREATE TRIGGER recipient_link_is_not_removed BEFORE DELETE ON gifting_recipientlink
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Give each recipient that counts for itself, of these, its lock, in the order of their ids. What a recipient counts
-- as may change while its lock is waited for, so it is looked up anew until it stays.
CREATE FUNCTION lock_recipients(owner_id uuid, wanted bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    found bigint[];
    held bigint[] := '{}';
BEGIN
    LOOP
        SELECT array_agg(DISTINCT coalesce(link.counts_as_id, each.id) ORDER BY coalesce(link.counts_as_id, each.id))
            INTO found
            FROM unnest(wanted) AS each (id)
            LEFT JOIN gifting_recipientlink AS link ON link.organization_id = owner_id
                AND link.recipient_id = each.id AND link.ended_at IS NULL;
        EXIT WHEN found IS NULL OR found <@ held;
        INSERT INTO gifting_recipientlock (organization_id, recipient_id)
            SELECT owner_id, missing.id FROM unnest(found) AS missing (id)
            WHERE NOT EXISTS (SELECT FROM gifting_recipientlock
                WHERE organization_id = owner_id AND recipient_id = missing.id)
            ORDER BY missing.id
            ON CONFLICT DO NOTHING;
        PERFORM FROM gifting_recipientlock
            WHERE organization_id = owner_id AND recipient_id = ANY (found) ORDER BY recipient_id FOR UPDATE;
        held := held || found;
    END LOOP;
    RETURN found;
END $$;

CREATE FUNCTION hold_recipient() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    PERFORM lock_recipients(NEW.organization_id, ARRAY[NEW.recipient_id]);
    IF NEW.reverses_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM gifting_recipientgift
        WHERE organization_id = NEW.organization_id AND id = NEW.reverses_id AND recipient_id = NEW.recipient_id
            AND reverses_id IS NULL) THEN
        RAISE EXCEPTION 'a gift is taken back from who got it' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'recipient_gift_reverses_its_own';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER recipient_gift_holds_its_recipient BEFORE INSERT ON gifting_recipientgift
    FOR EACH ROW EXECUTE FUNCTION hold_recipient();

-- Links are one deep: who counts as another has nobody counting as them, and the other counts for itself.
CREATE FUNCTION judge_recipient_link() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
BEGIN
    PERFORM lock_recipients(NEW.organization_id, ARRAY[NEW.recipient_id, NEW.counts_as_id]);
    IF EXISTS (
        SELECT FROM gifting_recipientlink
        WHERE organization_id = NEW.organization_id AND ended_at IS NULL
            AND (recipient_id = NEW.counts_as_id OR counts_as_id = NEW.recipient_id)) THEN
        RAISE EXCEPTION 'a recipient counts as one that counts for itself' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'recipient_link_is_one_deep';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER recipient_link_is_judged BEFORE INSERT ON gifting_recipientlink
    FOR EACH ROW EXECUTE FUNCTION judge_recipient_link();
