"""What people see of their glucose: a page of the site, a report, and Superset's dashboards.

Modules beside `glucose` and `report` hold what both are made of. Figures come from the marts, or
from the functions that make the marts; no metric is defined here.
"""
