-- catalogue_read.bar
SELECT code, name, network, suspends FROM bar ORDER BY code
