"""Journals: what an accounting system is told of the ledger, and the layouts it is told in."""
