-- facts.tariff
SELECT asked.place, tariff.network
FROM unnest($1::text[]) WITH ORDINALITY AS asked (code, place)
JOIN tariff ON tariff.code = ANY (ARRAY[asked.code])
