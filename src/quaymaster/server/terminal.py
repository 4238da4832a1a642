"""Text for terminals: what others have written moves no cursor, and is read as it stands (R-16)."""


def plain(text: str) -> str:
    """The text with whatever is not seen written out: escapes, controls, the signs that turn the
    direction of reading. Ends of lines stay."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign == "\n" or sign.isprintable() else ascii(sign)[1:-1] for sign in text
    )
