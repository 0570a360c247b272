-- stamp
SELECT
  (SELECT value FROM setting WHERE key = 'stamp.users'),
  (SELECT value FROM setting WHERE key = 'stamp.networks'),
  (SELECT value FROM setting WHERE key = 'maintenance'),
  (SELECT value FROM setting WHERE key = 'adopting'),
  (SELECT value FROM setting WHERE key = 'heartbeat')
