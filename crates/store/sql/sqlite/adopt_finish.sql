-- adopt_finish
UPDATE setting SET value = 0 WHERE key = 'adopting' AND value = 1
