"""RNN-HA: its options, its network of two levels with attention, and its training."""
