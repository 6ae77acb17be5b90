DROP TRIGGER recipient_link_is_judged ON gifting_recipientlink;
DROP TRIGGER recipient_gift_holds_its_recipient ON gifting_recipientgift;
DROP FUNCTION judge_recipient_link(), hold_recipient(), lock_recipients(uuid, bigint[]);
