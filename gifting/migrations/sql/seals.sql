-- The chain of seals. A hash holds an operation, all that belongs to it, and the hash before it, so that changing any
-- stored byte breaks every hash from there on. It is made after the commit: in it, writers would wait for each other.
CALL protect_tenant('gifting_ledgerseal');
CALL link_tenant('gifting_ledgerseal', 'operation_id', 'gifting_operation');
CALL seal_history('gifting_ledgerseal');

-- The columns are written out, so that a column that comes later does not change what was sealed before.
CREATE FUNCTION seal_hash(before text, target gifting_operation) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp SET timezone = 'UTC'
    AS $$
    SELECT encode(sha256(convert_to(before || jsonb_build_array(
        1, target.organization_id, target.id, target.public_id, target.kind, target.user_id, target.token_id,
        target.idempotency_key, target.request_hash, target.response, target.transaction_id::text,
        target.snapshot::text, target.cluster_epoch, target.recorded_at,
        (SELECT jsonb_agg(jsonb_build_array(step.id, step.public_id, step.fund_id, step.fiscal_period_id, step.from_bucket,
                step.to_bucket, step.amount_minor, step.effective_on, step.reference, step.expires_at, step.entry_id,
                step.commitment_id, step.refunds_id, step.reverses_id, step.conversion_id,
                step.transaction_amount_minor, step.cause, step.recorded_at) ORDER BY step.id)
            FROM gifting_transfer AS step
            WHERE step.organization_id = target.organization_id AND step.operation_id = target.id),
        (SELECT jsonb_agg(jsonb_build_array(entry.id, entry.public_id, entry.budget_id, entry.fiscal_period_id, entry.kind,
                entry.amount_minor, entry.effective_on, entry.pair_id, entry.reason, entry.approved_by_id,
                entry.recorded_at) ORDER BY entry.id)
            FROM gifting_budgetentry AS entry
            WHERE entry.organization_id = target.organization_id AND entry.operation_id = target.id),
        (SELECT jsonb_agg(jsonb_build_array(paid.id, paid.transfer_id, paid.entry_id, paid.amount_minor) ORDER BY paid.id)
            FROM gifting_fundinglineage AS paid JOIN gifting_transfer AS step
                ON step.organization_id = paid.organization_id AND step.id = paid.transfer_id
            WHERE paid.organization_id = target.organization_id AND step.operation_id = target.id)
        )::text, 'UTF8')), 'hex')
    $$;

CREATE FUNCTION make_seal() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
    AS $$
DECLARE
    last gifting_ledgerseal;
    sealed gifting_operation;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('seals:' || NEW.organization_id::text, 0));
    SELECT * INTO last FROM gifting_ledgerseal
        WHERE organization_id = NEW.organization_id ORDER BY number DESC LIMIT 1;
    SELECT * INTO sealed FROM gifting_operation
        WHERE organization_id = NEW.organization_id AND id = NEW.operation_id;
    NEW.number := coalesce(last.number, 0) + 1;
    NEW.previous_hash := coalesce(last.hash, '');
    NEW.hash := seal_hash(NEW.previous_hash, sealed);
    RETURN NEW;
END $$;

CREATE TRIGGER seal_is_made BEFORE INSERT ON gifting_ledgerseal FOR EACH ROW EXECUTE FUNCTION make_seal();
