"""``python -m tradecore``."""

import sys

from tradecore.cli import main

sys.exit(main())
