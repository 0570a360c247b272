-- facts.apn
SELECT asked.place, apn.network
FROM unnest($1::text[]) WITH ORDINALITY AS asked (code, place)
JOIN apn ON apn.code = ANY (ARRAY[asked.code])
