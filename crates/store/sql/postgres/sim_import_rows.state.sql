-- sim_import_rows.state
-- Whoever takes the import back waits until these rows have landed.
SELECT state = 'landing' FROM sim_import WHERE id = $1 FOR SHARE
