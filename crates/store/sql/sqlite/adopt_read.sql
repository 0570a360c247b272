-- adopt_read
UPDATE setting SET value = ?1 WHERE key = 'adopting.read'
