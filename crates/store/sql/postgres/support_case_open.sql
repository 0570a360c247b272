-- support_case_open
INSERT INTO support_case
  (id, ticket_type, user_id, customer, service, message, file_name, file_content, raised_by, raised_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
