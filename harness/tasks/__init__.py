"""Tasks and protocols: the question that a number answers."""
