-- drift_stats
SELECT network, kind, count(*) FROM drift GROUP BY network, kind ORDER BY network, kind
