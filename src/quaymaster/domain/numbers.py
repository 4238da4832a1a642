"""Whole numbers that came as text: digits are bounded before anything is made of them (R-03)."""

MOST_DIGITS = 18  # any number of these fits into the 64 bits of an id


def digits(text: str, most: int = MOST_DIGITS) -> int | None:
    """The number that a text of 1 to `most` ASCII digits is; None for any other text.

    `int` alone would take other scripts' digits, and end in an error at thousands of them.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most else None
