-- check_page.ended
SELECT finished_at, id, subjects
FROM ticket_end
WHERE network = $1
  AND (finished_at, id) > ($2, $3) AND (finished_at, id) <= ($4, $5)
ORDER BY finished_at, id
LIMIT $6
