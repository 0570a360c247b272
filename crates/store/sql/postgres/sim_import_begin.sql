-- sim_import_begin
INSERT INTO sim_import (file, begun_at) VALUES ($1, $2) RETURNING id
