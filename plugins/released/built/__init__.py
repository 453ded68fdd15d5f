"""Any network that Python can build, with the weights of a file."""
