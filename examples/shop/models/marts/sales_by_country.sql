-- Sales of each country, in euros and in its own currency.

SELECT
    c.country,
    c.currency,
    count(*) AS orders,
    sum(v.value_eur) AS value_eur,
    sum(v.value_eur * r.rate) AS value_in_currency
FROM silver.fct_order_values AS v
JOIN silver.dim_customers AS c ON v.customer_id = c.id
JOIN bank.rates AS r ON c.currency = r.currency
GROUP BY c.country, c.currency
