"""Work items that messages of changes mention: `#12`, or `AB#12` where `#` means something else.

A number directly behind a letter or a digit is none: `x#12` and `##12` name nothing.
"""

import re
from collections.abc import Iterable

_MENTION = re.compile(r"(?<![\w#&/])(?:AB)?#([1-9][0-9]{0,8})\b", re.IGNORECASE)


def mentioned(messages: Iterable[str]) -> tuple[int, ...]:
    """The numbers of all work items, each once, in the order in which they are first named."""
    found = (int(number) for message in messages for number in _MENTION.findall(message))
    return tuple(dict.fromkeys(found))
