"""What becomes of a number when the gallery grows, its features get smaller, or its search approximate."""
