"""The outside world: files, CRM connections and their sync."""
