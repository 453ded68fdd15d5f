"""Files, digests, seeds, progress and the host: what every other room builds on."""
