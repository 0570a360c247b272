-- portal_set.clear_mailboxes
DELETE FROM mailbox WHERE tenant = $1 AND par_cust_id = $2
