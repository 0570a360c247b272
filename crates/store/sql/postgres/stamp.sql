-- stamp
SELECT
  (SELECT number FROM setting WHERE key = 'stamp.users'),
  (SELECT number FROM setting WHERE key = 'stamp.networks'),
  (SELECT number <> 0 FROM setting WHERE key = 'maintenance'),
  (SELECT number <> 0 FROM setting WHERE key = 'adopting'),
  (SELECT number FROM setting WHERE key = 'heartbeat')
