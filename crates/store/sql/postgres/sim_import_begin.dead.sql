-- sim_import_begin.dead
SELECT id FROM sim_import WHERE state IN ('landing', 'leaving')
