-- support_case_close.known
SELECT 1 FROM support_case WHERE id = ?1
