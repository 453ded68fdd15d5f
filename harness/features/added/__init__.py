"""Further feature files beside those of a test: distractors, and several tables as one."""
