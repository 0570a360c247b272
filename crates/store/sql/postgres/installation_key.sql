-- installation_key
SELECT secret FROM setting WHERE key = 'installation.key'
