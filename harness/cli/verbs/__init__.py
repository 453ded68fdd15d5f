"""The verbs of the command ``bench``, one module each."""
