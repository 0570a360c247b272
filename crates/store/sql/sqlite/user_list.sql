-- user_list
-- ?1 after, ?2 limit.
SELECT id, kind, reporting_group, service, tenant, username, locked,
  (SELECT count(*) FROM user_customer WHERE user_customer.user_id = app_user.id),
  (SELECT count(*) FROM credential WHERE credential.user_id = app_user.id AND credential.revoked_at IS NULL)
FROM app_user
WHERE username > ?1
ORDER BY username
LIMIT ?2
