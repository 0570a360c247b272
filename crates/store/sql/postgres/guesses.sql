-- guesses
SELECT failures, last_at FROM guess WHERE place = $1
