"""The kernel: for every query and positive, how many negatives are closer and how many tie, in exact integers."""
