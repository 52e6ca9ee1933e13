"""Where things lie in this checkout."""

import os
import sys
from pathlib import Path
from typing import Final

SUPPORT: Final = Path(__file__).parent
"""The package of what the tests share."""

TESTS: Final = SUPPORT.parent
"""The directory to import that package from."""

CHECKOUT: Final = TESTS.parent
"""What was cloned: the sources, the tests and the documentation."""

COMMAND: Final = os.path.join(os.path.dirname(sys.executable), "cleanup-nodemodule")
"""The command as pip installed it beside the interpreter that runs the tests."""
