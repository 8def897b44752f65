"""`python -m cyrtui` is the same program as `cyrtui`."""

import sys

from cyrtui.cli import main

sys.exit(main())
