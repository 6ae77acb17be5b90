"""Procurement in the API: orders, receipts, invoices, matches, vendors and outside spend."""
