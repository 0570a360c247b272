-- sim_import_rows.state
SELECT state = 'landing' FROM sim_import WHERE id = ?1
