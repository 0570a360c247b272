-- installation_key
SELECT value FROM setting WHERE key = 'installation.key'
