"""The only language so far."""
