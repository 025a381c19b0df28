"""What people see of their glucose: a page of the site, and a report for the clinic.

Modules beside `glucose` and `report` hold what both are made of. Figures come from the marts, or
from the functions that make the marts; no metric is defined here.
"""
