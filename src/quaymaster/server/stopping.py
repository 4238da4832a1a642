"""When a process of the product shall stop."""

import asyncio
import os
import signal
import sys


def stop_signal(*, until_input_ends: bool = False) -> asyncio.Event:
    """An event set by SIGTERM and SIGINT, and if asked for when the standard input ends.

    The input is a pipe from the process that started this one: it ends with that process, also
    when it is killed and can tell nobody.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if until_input_ends:
        loop.add_reader(sys.stdin.fileno(), _read, stopping)
    return stopping


def _read(stopping: asyncio.Event) -> None:
    descriptor = sys.stdin.fileno()
    if not os.read(descriptor, 1024):
        asyncio.get_running_loop().remove_reader(descriptor)
        stopping.set()
