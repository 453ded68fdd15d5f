"""The campaigns need the signals, limits and mounts of POSIX."""

import os

collect_ignore_glob = [] if os.name == "posix" else ["test_*.py"]
