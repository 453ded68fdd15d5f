"""Released weights of other frameworks, as methods."""
