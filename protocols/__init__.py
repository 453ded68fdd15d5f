"""The data sets of the field: where their files lie, how their lists read, what their tasks ask."""
