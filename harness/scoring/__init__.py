"""From a feature file to scores and records."""
