"""The audit: rules that find what cannot be, or does not agree, among the published numbers."""
