"""`python -m quaymaster.runner`: one job host."""

import sys

from quaymaster.runner.host import main

sys.exit(main())
