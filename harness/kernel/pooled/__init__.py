"""All pairs of a task in one pool: how many negatives are more similar than each positive, in exact integers."""
