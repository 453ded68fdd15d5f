"""The scores of the same features in galleries of several sizes."""
