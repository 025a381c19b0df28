-- The local day of each person's newest reading.
SELECT site, max(reading_date) AS newest FROM fct_glucose_readings GROUP BY site
