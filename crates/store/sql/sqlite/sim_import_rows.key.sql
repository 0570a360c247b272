-- sim_import_rows.key
INSERT INTO sim_key (iccid, ki_sealed, opc_sealed, eid) VALUES (?1, ?2, ?3, ?4)
