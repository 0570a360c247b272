-- network_list
SELECT code, driver, range_first, range_last, settings, drift FROM network ORDER BY code
