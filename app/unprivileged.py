"""What a server process does between fork and exec: tie itself to our life, and stop being root."""

import ctypes
import os
import pwd
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# linux/prctl.h, linux/capability.h
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION = 0x20080522


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int


def server_account() -> Account | None:
    """Who runs the server in our place: `nobody` if we are root, because PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def before_exec(account: Account | None, *paths: Path) -> Callable[[], None]:
    """For `preexec_fn`: SIGINT when our thread dies (Linux), then the account, able to reach `paths`."""
    libc = ctypes.CDLL(None)
    parent = os.getpid()
    closed = _closed_to_others(*paths)

    def prepare() -> None:
        if account:
            _become(account, libc)
            if closed:
                _pass_closed_folders(libc)
        if sys.platform == "linux":  # after setuid, which forgets it
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return prepare


def _closed_to_others(*paths: Path) -> bool:
    """Whether a folder above is closed to other users, as `/root` is."""
    return any(not folder.stat().st_mode & stat.S_IXOTH for path in paths for folder in path.resolve().parents)


def _become(account: Account, libc: ctypes.CDLL) -> None:
    if sys.platform == "linux":
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)


def _pass_closed_folders(libc: ctypes.CDLL) -> None:
    """Keep one of root's capabilities over exec: to search folders, or to override permissions where only that is ours.

    Without either, PostgreSQL says itself which folder it cannot reach.
    """
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        mask = 1 << capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        effective_permitted_inheritable = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        if libc.capset(header, effective_permitted_inheritable) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)
            return
