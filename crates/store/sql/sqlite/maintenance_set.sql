-- maintenance_set
UPDATE setting SET value = ?1 WHERE key = 'maintenance'
