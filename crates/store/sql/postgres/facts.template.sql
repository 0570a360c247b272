-- facts.template
SELECT tariff.network, template.tariff, template.apns, template.boltons
FROM template
JOIN tariff ON tariff.code = template.tariff
WHERE template.code = $1
