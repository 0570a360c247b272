-- support_case_show
SELECT support_case.id, support_case.ticket_type, support_case.service, support_case.raised_at,
  support_case.closed_at, support_case.customer, support_case.raised_by, support_case.message,
  support_case.file_name, support_case.close_reason, support_case.file_content
FROM support_case
WHERE support_case.id = $1
