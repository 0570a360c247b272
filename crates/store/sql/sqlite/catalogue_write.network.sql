-- catalogue_write.network
-- A range that begins elsewhere is used from its beginning; numbers that were given before are known by themselves.
INSERT INTO network (code, driver, range_first, range_last, settings, drift) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (code) DO UPDATE SET
  driver = excluded.driver,
  range_next = CASE WHEN range_first IS excluded.range_first THEN range_next ELSE 0 END,
  range_first = excluded.range_first,
  range_last = excluded.range_last,
  settings = excluded.settings,
  drift = excluded.drift
