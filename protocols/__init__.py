"""The data sets of the field: their files on disk, their lists and their tasks."""
