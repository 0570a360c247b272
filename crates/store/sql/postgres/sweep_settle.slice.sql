-- sweep_settle.slice
DELETE FROM sweep_slice WHERE id = $1
