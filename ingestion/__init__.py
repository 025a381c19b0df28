"""Sources of glucose readings: the Nightscout server of each person, or the bundled recording.

Fetching and checking what a server answers belong here; all tables beyond the raw ones are models.
"""
