-- portal_page
SELECT tenant, par_cust_id, enabled, own_password, sessions, version, secret, secret_form
FROM portal_customer
WHERE (tenant, par_cust_id) > ($1, $2)
ORDER BY tenant, par_cust_id
LIMIT $3
