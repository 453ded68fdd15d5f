"""Data sets on disk: images, lists and tables."""
