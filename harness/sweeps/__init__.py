"""Many runs: the file that lists them, their states, and the engine that computes them."""
