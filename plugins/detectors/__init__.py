"""Detectors of parts, and the verb ``bench parts``."""
