"""PGAN: its options, its parts and their attention, its network, and its training."""
