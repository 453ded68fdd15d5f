"""Protocols and methods in plain words."""
