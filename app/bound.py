"""Run a program that ends when we do, and that is not root: PostgreSQL refuses to be.

This file is also the small program that does it: it starts in the child, binds itself to its parent, gives up being
root, and becomes the program (exec). In the child, because a process that has threads must not run Python between
fork and exec; with the standard library only, because it runs apart from the rest.
"""

import ctypes
import os
import pwd
import signal
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

# linux/prctl.h, linux/capability.h
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION = 0x20080522

ON_LINUX = sys.platform == "linux"
AS_WE_ARE, AS_ACCOUNT, AS_ACCOUNT_THROUGH_CLOSED_FOLDERS = "as-we-are", "as-account", "as-account-through"


class Account(NamedTuple):
    uid: int
    gid: int


def server_account() -> Account | None:
    """Who runs a server in our place: `nobody` if we are root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def bound_to_us(command: Sequence[str | Path], account: Account | None = None, *reaches: Path) -> list[str]:
    """The command line that runs `command` as `account` if given, able to reach these paths.

    On Linux the program gets SIGINT when the thread that starts it ends.
    """
    how = AS_WE_ARE
    if account:
        how = AS_ACCOUNT_THROUGH_CLOSED_FOLDERS if _any_closed(reaches) else AS_ACCOUNT
    uid, gid = account or (-1, -1)
    binding = [sys.executable, "-I", "-S", __file__, str(os.getpid()), how, str(uid), str(gid)]
    return [*binding, *map(str, command)]


def _any_closed(paths: Sequence[Path]) -> bool:
    """Whether a folder above one of them is closed to other users, as `/root` is."""
    return any(not folder.stat().st_mode & stat.S_IXOTH for path in paths for folder in path.resolve().parents)


def main(parent: str, how: str, uid: str, gid: str, *command: str) -> None:
    libc = ctypes.CDLL(None)
    if how != AS_WE_ARE:
        _become(Account(int(uid), int(gid)), libc)
    if how == AS_ACCOUNT_THROUGH_CLOSED_FOLDERS and ON_LINUX:
        _keep_passing_folders(libc)
    if ON_LINUX:  # after the change of account, which undoes it
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != int(parent):  # it died before we asked
            return
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the program would too
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where a script started us with `&`, and then it ends nothing
    os.execv(command[0], command)


def _become(account: Account, libc: ctypes.CDLL) -> None:
    if ON_LINUX:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    try:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
    except PermissionError:  # as in some containers
        sys.exit(f"root may not become user {account.uid} here: run Rondo as an ordinary user.")


def _keep_passing_folders(libc: ctypes.CDLL) -> None:
    """Keep one capability of root over exec: to search any folder, or else to override permissions.

    Without either, PostgreSQL says itself which folder it cannot reach.
    """
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        mask = 1 << capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        effective_permitted_inheritable = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        if libc.capset(header, effective_permitted_inheritable) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
