"""Training: one engine for every method that trains a network."""
