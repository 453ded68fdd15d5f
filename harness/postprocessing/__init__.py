"""Post-processing of features and ranks: steps, chains of them, and how their parameters were chosen."""
