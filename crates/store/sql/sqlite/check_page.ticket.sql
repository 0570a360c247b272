-- check_page.ticket
SELECT subjects FROM ticket WHERE id = ?1
