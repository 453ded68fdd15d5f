"""Networks of timm, open_clip and transformers, with weights from a hub, from a file or at random."""
