"""The contract of a step of post-processing: what a plugin must define and what it receives; chains of steps."""
