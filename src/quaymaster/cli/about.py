"""What this program says of itself."""

from importlib.metadata import version

from quaymaster.cli.printing import say


def print_version() -> None:
    say(version("quaymaster"))
