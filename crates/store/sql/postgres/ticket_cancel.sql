-- ticket_cancel
WITH gone AS (DELETE FROM ticket_queue WHERE id = $1 RETURNING *)
INSERT INTO ticket_end
  (id, state, network, finished_at, due_at, epoch, service, cli, subjects, failure_kind, failure_reason)
SELECT gone.id, 'cancelled', gone.network, $2, gone.due_at, gone.epoch, record.service, $3, gone.subjects, $4, $5
FROM gone
JOIN ticket_record AS record ON record.id = ANY (ARRAY[gone.id])
