-- sim_import_rows.key
INSERT INTO sim_key (iccid, ki_sealed, opc_sealed, eid)
SELECT iccid, ki_sealed, opc_sealed, eid
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS key (iccid, ki_sealed, opc_sealed, eid)
