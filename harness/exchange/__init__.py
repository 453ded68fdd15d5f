"""Features and distances from and for other programs: their formats, their keys, their order."""
