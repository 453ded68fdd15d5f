"""Detectors of parts: training, detecting, measuring."""
