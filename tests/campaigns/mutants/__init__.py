"""Campaign ``mutants``: files of every kind that a stranger may send, changed by a seed, and what reading them does.

``python -m tests.campaigns.mutants --seed 1 --count 10000`` prints one table and ends with status 1 if there was a
fault: a traceback, a hang, much memory, a crash, executed code, a file written elsewhere, or a changed content that was
taken for the original where a checksum could have told.
"""
