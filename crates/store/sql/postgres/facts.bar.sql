-- facts.bar
SELECT asked.place, bar.network, bar.suspends
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (user_id, code, place)
JOIN user_bar ON user_bar.user_id = ANY (ARRAY[asked.user_id]) AND user_bar.bar = ANY (ARRAY[asked.code])
JOIN bar ON bar.code = ANY (ARRAY[user_bar.bar])
