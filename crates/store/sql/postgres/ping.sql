-- ping
SELECT count(*) FROM setting
