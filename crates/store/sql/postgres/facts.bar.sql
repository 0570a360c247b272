-- facts.bar
SELECT bar.network, bar.suspends
FROM bar
JOIN user_bar ON user_bar.user_id = $1 AND user_bar.bar = bar.code
WHERE bar.code = $2
