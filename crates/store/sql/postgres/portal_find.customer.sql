-- portal_find.customer
SELECT enabled, own_password, sessions, version FROM portal_customer WHERE tenant = $1 AND par_cust_id = $2
