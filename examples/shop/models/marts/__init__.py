"""What the shop looks at; these tables are published."""
