-- heartbeat
UPDATE setting SET value = max(value + 1, ?1) WHERE key = 'heartbeat' RETURNING value
