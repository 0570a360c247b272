-- maintenance_set
UPDATE setting SET number = $1 WHERE key = 'maintenance'
