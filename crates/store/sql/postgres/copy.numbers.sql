-- copy.numbers
-- The next numbers follow those that are there.
SELECT
  setval('ticket_number', greatest(
    (SELECT max(id) + 1 FROM ticket_record), (SELECT max(id) + 1 FROM support_case), (SELECT last_value FROM ticket_number)
  ), FALSE),
  setval('service_code', greatest(
    (SELECT max(code) + 1 FROM service), (SELECT last_value FROM service_code)
  ), FALSE)
