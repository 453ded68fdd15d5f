"""Looking at a user's images and table, so that nobody has to describe them by hand."""
