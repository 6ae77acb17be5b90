"""Opportunities, touchpoints, credit and return on investment."""
