-- guess_forgiven
DELETE FROM guess WHERE place = $1
