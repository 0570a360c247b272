-- support_case_list.open
-- $1 characters of the message, $2 below, $3 limit.
SELECT support_case.id, support_case.ticket_type, support_case.service, support_case.raised_at,
  support_case.closed_at, support_case.customer, support_case.raised_by, left(support_case.message, $1::bigint::int),
  support_case.file_name, support_case.close_reason
FROM support_case
WHERE support_case.closed_at IS NULL AND support_case.id < $2
ORDER BY support_case.id DESC
LIMIT $3
