"""A simulated Salesforce org."""
