"""Salesforce: the only place that knows its words and its client package."""
