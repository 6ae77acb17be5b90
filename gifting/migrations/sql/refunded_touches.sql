-- A gift that never arrived stays taken back when its refund posts.
CREATE OR REPLACE VIEW gifting_sendtouch WITH (security_invoker = true) AS
SELECT
    send.organization_id,
    send.id AS send_id,
    send.public_id,
    coalesce(nullif(send.account_reference, ''), nullif(recipient.account_reference, '')) AS account_reference,
    nullif(recipient.contact_reference, '') AS contact_reference,
    send.campaign_id,
    campaign.channel,
    send.vendor_id,
    send.cost_center_id,
    coalesce(send.delivered_at, send.sent_at) AS occurred_at,
    CASE send.state WHEN 'REFUNDED' THEN last_event.from_state ELSE send.state END
        IN ('UNDELIVERABLE', 'FAILED', 'CANCELLED') AS is_retracted,
    send.is_synthetic
FROM gifting_send AS send
JOIN gifting_campaign AS campaign
    ON campaign.organization_id = send.organization_id AND campaign.id = send.campaign_id
LEFT JOIN gifting_recipient AS recipient
    ON recipient.organization_id = send.organization_id AND recipient.id = send.recipient_id
LEFT JOIN gifting_sendevent AS last_event
    ON send.state = 'REFUNDED' AND last_event.organization_id = send.organization_id
        AND last_event.send_id = send.id AND last_event.number = send.last_event_number
WHERE send.sent_at IS NOT NULL;
