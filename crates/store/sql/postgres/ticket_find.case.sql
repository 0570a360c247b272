-- ticket_find.case
-- A case about a service is seen by whoever is granted that service's customer, another one by whoever shares a
-- customer with its raiser.
SELECT support_case.id, support_case.ticket_type, support_case.service, support_case.raised_at,
  support_case.closed_at, service.reporting_group, support_case.user_id = $1
FROM support_case
LEFT JOIN service ON service.code = support_case.service
WHERE support_case.id = $2
  AND (
    (support_case.customer IS NULL AND support_case.user_id = $1)
    OR EXISTS (
      SELECT 1
      FROM user_customer AS own
      WHERE own.user_id = $1
        AND CASE
          WHEN support_case.customer IS NOT NULL THEN own.customer = support_case.customer
          ELSE EXISTS (
            SELECT 1
            FROM user_customer AS raisers
            WHERE raisers.user_id = support_case.user_id AND raisers.customer = own.customer
          )
        END
    )
  )
