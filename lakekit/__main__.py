"""``python -m lakekit``: the same as the command ``lakekit``.

It must not do anything itself.
"""

import sys

from lakekit.cli import main

if __name__ == "__main__":
    sys.exit(main())
