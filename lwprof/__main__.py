"""``python -m lwprof`` is the same as ``lwprof``."""

import sys

from lwprof.cli import main

if __name__ == "__main__":
    sys.exit(main())
