"""What this program says of itself."""

from importlib.metadata import version


def print_version() -> None:
    print(version("quaymaster"))
