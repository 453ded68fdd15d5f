"""What features, methods and the audit are worth: measurements of results, not of time."""
