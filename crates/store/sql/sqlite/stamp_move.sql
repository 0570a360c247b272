-- stamp_move
UPDATE setting SET value = value + 1 WHERE key = ?1
