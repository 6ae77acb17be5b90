-- What the rooms above may know of a send as a touch. A gift touches its recipient when it arrives; until that is
-- known, when it was sent. One that never arrived is taken back. The reader's own row policies apply.
CREATE VIEW gifting_sendtouch WITH (security_invoker = true) AS
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
    send.state IN ('UNDELIVERABLE', 'FAILED', 'CANCELLED') AS is_retracted,
    send.is_synthetic
FROM gifting_send AS send
JOIN gifting_campaign AS campaign
    ON campaign.organization_id = send.organization_id AND campaign.id = send.campaign_id
LEFT JOIN gifting_recipient AS recipient
    ON recipient.organization_id = send.organization_id AND recipient.id = send.recipient_id
WHERE send.sent_at IS NOT NULL;
REVOKE INSERT, UPDATE, DELETE ON gifting_sendtouch FROM tribute_app;
