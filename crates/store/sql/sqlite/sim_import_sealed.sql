-- sim_import_sealed
SELECT iccid, ki_sealed, opc_sealed FROM sim_key WHERE ki_sealed IS NOT NULL OR opc_sealed IS NOT NULL LIMIT 1
