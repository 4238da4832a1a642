"""Started in place of a PostgreSQL program: becomes its user, then the program itself.

Runs as a bare script, `python -I -S child.py UID GID PARENT PROGRAM ARGUMENT…`, so that nothing
happens between fork and exec in the threaded server. On Linux the kernel then interrupts the
program (a fast, clean shutdown) when the server that started it dies, even by SIGKILL.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    uid, gid, parent = (int(word) for word in sys.argv[1:4])
    if os.geteuid() != uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    if sys.platform == "linux":
        # After setuid, which clears it. PostgreSQL is not set-uid, so it outlives the exec.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            sys.exit("the server is gone")
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - no shell is wanted


main()
