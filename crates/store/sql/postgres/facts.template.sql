-- facts.template
SELECT asked.place, tariff.network, template.tariff, template.apns, template.boltons
FROM unnest($1::text[]) WITH ORDINALITY AS asked (code, place)
JOIN template ON template.code = ANY (ARRAY[asked.code])
JOIN tariff ON tariff.code = ANY (ARRAY[template.tariff])
