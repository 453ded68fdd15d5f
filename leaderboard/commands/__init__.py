"""The verbs leaderboard, compare, submit, verify and audit, one module each."""
