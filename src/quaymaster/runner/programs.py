"""What the programs have in common that a step starts for one piece of work, such as a download."""

import sys

EXIT_FAILED = 1
EXIT_FINAL = 2  # trying again would not help


def say(text: str) -> None:
    """A line for the log of the step that started this program, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
