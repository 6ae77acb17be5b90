DROP FUNCTION enter_and_claim(uuid, text, text);
DROP FUNCTION funds_and_period(date, bigint[]);
