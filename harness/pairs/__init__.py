"""Same vehicle or not: verification over all pairs of a task, open-set identification, thresholds and calibration."""
