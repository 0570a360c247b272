-- facts.apn
SELECT apn.network
FROM unnest($1::text[]) WITH ORDINALITY AS asked (code, place)
LEFT JOIN apn ON apn.code = ANY (ARRAY[asked.code])
ORDER BY asked.place
