"""PR-ReID: its options, its regions, its network, and its training."""
