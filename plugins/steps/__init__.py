"""The steps of post-processing that the harness brings along."""
