-- sim_import_abandon.leave
UPDATE sim_import SET state = 'leaving' WHERE id = $1 AND state IN ('landing', 'leaving')
