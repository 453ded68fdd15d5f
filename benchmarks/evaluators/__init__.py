"""The evaluators that ``benchmarks/peers.py`` compares: the problems, what each one does, and how it is measured."""
