"""Published numbers, measured records, and the tables made of them."""
