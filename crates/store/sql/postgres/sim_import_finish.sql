-- sim_import_finish
UPDATE sim_import SET state = 'landed', landed_at = $2 WHERE id = $1 AND state = 'landing'
