-- adopt_finish
UPDATE setting SET number = 0 WHERE key = 'adopting' AND number = 1
