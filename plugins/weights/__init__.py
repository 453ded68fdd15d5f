"""Files of weights that somebody else wrote: what they are, their tensors, and whether these fit a network.

Nothing in a file is executed: a pickle is interpreted by a reader of our own, which knows tensors and plain values.
"""
