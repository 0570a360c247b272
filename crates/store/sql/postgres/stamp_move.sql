-- stamp_move
UPDATE setting SET number = number + 1 WHERE key = $1
