"""The plan of a term of two tiny chapters."""

PLAN = """
timezone = "Europe/Berlin"

[late]
free_minutes = 15
percent_per_day = 10
days = 5

[due]
01_tiny = "2026-10-12 23:59"
02_tiny = "2026-10-26 23:59"
"""
