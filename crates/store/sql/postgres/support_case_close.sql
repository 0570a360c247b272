-- support_case_close
UPDATE support_case SET closed_at = $2, close_reason = $3 WHERE id = $1 AND closed_at IS NULL
