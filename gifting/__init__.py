"""Budgets, vendors, campaigns, sends and their money."""
