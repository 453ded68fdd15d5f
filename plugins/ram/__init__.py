"""RAM: its options, its network of four branches, and its training."""
