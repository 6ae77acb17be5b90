DROP TRIGGER send_starts_as_draft ON gifting_send;
DROP FUNCTION refuse_made_up_state();
DROP TRIGGER send_state_is_derived ON gifting_sendevent;
DROP FUNCTION derive_send_state();
DROP TRIGGER send_event_is_judged ON gifting_sendevent;
DROP FUNCTION judge_send_event();
DROP TABLE gifting_sendtransition;
GRANT UPDATE, DELETE ON gifting_send TO tribute_app;
