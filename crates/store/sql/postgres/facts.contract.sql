-- facts.contract
SELECT asked.place, contract.customer
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS asked (user_id, code, place)
JOIN contract ON contract.code = ANY (ARRAY[asked.code])
JOIN user_customer ON user_customer.user_id = ANY (ARRAY[asked.user_id])
  AND user_customer.customer = ANY (ARRAY[contract.customer])
