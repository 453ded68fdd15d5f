"""Detectors of parts, how they are trained and measured, and the verb ``bench parts``."""
