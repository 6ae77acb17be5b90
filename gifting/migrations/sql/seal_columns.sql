-- What budget controls wrote beside a transfer and an entry is sealed as well.
CREATE OR REPLACE FUNCTION seal_hash(before text, target gifting_operation) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp SET timezone = 'UTC'
    AS $$
    SELECT encode(sha256(convert_to(before || jsonb_build_array(
        1, target.organization_id, target.id, target.public_id, target.kind, target.user_id, target.token_id,
        target.idempotency_key, target.request_hash, target.response, target.transaction_id::text,
        target.snapshot::text, target.cluster_epoch, target.recorded_at,
        (SELECT jsonb_agg(jsonb_build_array(step.id, step.public_id, step.fund_id, step.fiscal_period_id, step.from_bucket,
                step.to_bucket, step.amount_minor, step.effective_on, step.reference, step.expires_at, step.entry_id,
                step.commitment_id, step.refunds_id, step.reverses_id, step.conversion_id,
                step.transaction_amount_minor, step.cause, step.recorded_at, step.reach_id, step.request_id,
                step.continues_id) ORDER BY step.id)
            FROM gifting_transfer AS step
            WHERE step.organization_id = target.organization_id AND step.operation_id = target.id),
        (SELECT jsonb_agg(jsonb_build_array(entry.id, entry.public_id, entry.budget_id, entry.fiscal_period_id, entry.kind,
                entry.amount_minor, entry.effective_on, entry.pair_id, entry.reason, entry.approved_by_id,
                entry.recorded_at, entry.requested_by_id) ORDER BY entry.id)
            FROM gifting_budgetentry AS entry
            WHERE entry.organization_id = target.organization_id AND entry.operation_id = target.id),
        (SELECT jsonb_agg(jsonb_build_array(paid.id, paid.transfer_id, paid.entry_id, paid.amount_minor) ORDER BY paid.id)
            FROM gifting_fundinglineage AS paid JOIN gifting_transfer AS step
                ON step.organization_id = paid.organization_id AND step.id = paid.transfer_id
            WHERE paid.organization_id = target.organization_id AND step.operation_id = target.id)
        )::text, 'UTF8')), 'hex')
    $$;
