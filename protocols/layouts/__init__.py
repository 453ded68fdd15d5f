"""The synthetic vehicles in the released layouts of the other data sets, so that every protocol runs without them."""
