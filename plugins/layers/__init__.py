"""Trunks, layers, losses, schedules and augmentations that several methods share."""
