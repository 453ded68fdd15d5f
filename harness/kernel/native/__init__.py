"""The kernel's compiled loops, imported only when a kernel runs."""
