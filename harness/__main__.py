"""``python -m harness`` is ``bench``, for launchers such as torchrun that want a module."""

from harness.cli import main

main()
