"""What people look at: pages and dashboards over the glucose tables."""
