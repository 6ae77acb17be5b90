DROP TRIGGER seal_is_made ON gifting_ledgerseal;
DROP FUNCTION make_seal(), seal_hash(text, gifting_operation);
