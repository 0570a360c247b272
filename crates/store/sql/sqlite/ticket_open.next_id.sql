-- ticket_open.next_id
-- Tickets and support cases share their numbers. One writer: nobody else can take the number in between.
SELECT max(
  coalesce((SELECT max(id) FROM ticket), 0),
  coalesce((SELECT max(id) FROM support_case), 0),
  ?1 - 1
) + 1
