-- adopt_read
UPDATE setting SET number = $1 WHERE key = 'adopting.read'
