DROP TRIGGER override_use_is_judged ON gifting_overrideuse;
DROP TRIGGER approval_event_moves_its_request ON gifting_approvalevent;
DROP TRIGGER approval_state_is_derived ON gifting_approval;
DROP TRIGGER approval_is_judged ON gifting_approval;
DROP TRIGGER approval_request_is_judged ON gifting_approvalrequest;
DROP FUNCTION judge_override_use(), move_approval_request(), derive_approval_state(), judge_approval(),
    acts_for(uuid, integer[], integer, date), judge_approval_request();
