"""A run: train, extract, evaluate and record."""
