-- The value of each order, by the prices of today.
-- kind: table

SELECT
    o.order_id,
    o.customer_id,
    o.placed_at,
    CAST(sum(i.quantity * p.price) AS DECIMAL(12, 2)) AS value_eur
FROM silver.stg_orders AS o
JOIN silver.fct_order_items AS i ON o.order_id = i.order_id
JOIN raw.prices AS p ON i.sku = p.sku
GROUP BY ALL
