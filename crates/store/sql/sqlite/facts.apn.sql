-- facts.apn
SELECT network FROM apn WHERE code = ?1
