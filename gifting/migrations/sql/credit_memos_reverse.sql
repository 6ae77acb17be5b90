DROP TRIGGER credit_use_applies ON gifting_credituse;
DROP TRIGGER credit_memo_is_kept ON gifting_creditmemo;
DROP TRIGGER credit_memo_moves_by_uses ON gifting_creditmemo;
DROP TRIGGER credit_memo_starts_unused ON gifting_creditmemo;
DROP FUNCTION apply_credit_use();
