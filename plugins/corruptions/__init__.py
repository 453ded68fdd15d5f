"""The built-in corruptions, a class each, and the filters in whole numbers that they share."""
