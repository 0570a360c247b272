-- sim_import_abandon.done
UPDATE sim_import SET state = 'abandoned' WHERE id = $1 AND state = 'leaving'
