"""The verbs that belong to single data sets."""
