-- facts.bolton
SELECT bolton.network
FROM bolton
JOIN user_bolton ON user_bolton.user_id = $1 AND user_bolton.bolton = bolton.code
WHERE bolton.code = $2
