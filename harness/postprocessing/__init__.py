"""Post-processing: the features of a task pass through the steps of a chain before they are ranked."""
