DROP TRIGGER conversion_is_judged ON gifting_conversion;
DROP FUNCTION judge_conversion(), round_half_even(numeric, numeric), rate_days(text), currency_exponent(text);
DROP TRIGGER history_is_kept ON gifting_referencefile;
DROP TRIGGER history_is_not_truncated ON gifting_referencefile;
DROP TRIGGER history_is_kept ON gifting_referencerate;
DROP TRIGGER history_is_not_truncated ON gifting_referencerate;
DROP FUNCTION refuse_shared_change();
ALTER TABLE gifting_transfer DROP CONSTRAINT gifting_transfer_conversion_id_link;
