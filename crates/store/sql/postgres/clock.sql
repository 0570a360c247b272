-- clock
SELECT now_ms()
