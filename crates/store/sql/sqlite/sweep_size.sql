-- sweep_size
SELECT count(*) FROM service WHERE network = ?1 AND status IN ('A', 'B')
