"""The pages of the leaderboard in every format, and the tables that the commands print."""
