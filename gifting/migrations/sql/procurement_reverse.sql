DROP VIEW gifting_vendorentity;
DROP TRIGGER vendor_merge_is_judged ON gifting_vendormerge;
DROP TRIGGER match_exception_names_its_requester ON gifting_matchexception;
DROP TRIGGER matches_are_judged ON gifting_match;
DROP TRIGGER credit_is_within_its_line ON gifting_creditnoteline;
DROP TRIGGER invoice_line_adds_up ON gifting_vendorinvoiceline;
DROP TRIGGER invoice_lines_add_up ON gifting_vendorinvoice;
DROP TRIGGER invoice_line_follows_its_order ON gifting_vendorinvoiceline;
DROP TRIGGER receipt_is_worth_its_order ON gifting_receipt;
DROP TRIGGER order_line_is_backed ON gifting_purchaseorderline;
DROP TRIGGER credit_note_is_keyed ON gifting_creditnote;
DROP TRIGGER vendor_invoice_is_keyed ON gifting_vendorinvoice;
DROP TRIGGER purchase_order_is_keyed ON gifting_purchaseorder;
DROP FUNCTION judge_vendor_merge(), name_exception_requester(), judge_matches(), judge_credit_line(),
    check_invoice_total(), judge_invoice_line(), judge_receipt(), judge_order_line(), key_document(),
    document_number_parts(text), document_number_key(text);
