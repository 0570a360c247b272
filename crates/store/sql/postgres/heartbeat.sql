-- heartbeat
UPDATE setting SET number = greatest(number + 1, $1) WHERE key = 'heartbeat' RETURNING number
