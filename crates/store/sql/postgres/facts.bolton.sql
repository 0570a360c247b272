-- facts.bolton
SELECT asked.place, bolton.network
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (user_id, code, place)
JOIN user_bolton ON user_bolton.user_id = ANY (ARRAY[asked.user_id]) AND user_bolton.bolton = ANY (ARRAY[asked.code])
JOIN bolton ON bolton.code = ANY (ARRAY[user_bolton.bolton])
