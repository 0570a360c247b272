-- catalogue_write.bolton_known
SELECT 1 FROM bolton WHERE code = $1
