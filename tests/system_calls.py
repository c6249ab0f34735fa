"""Run a command under strace; list the files that it writes and the addresses of its sockets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path

_FILES = "open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink"
_SOCKETS = "bind,connect,sendto,sendmsg,sendmmsg"
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")
_ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
# With -y, strace prints the path of each file descriptor behind its number.
_FOLDER = re.compile(r"^(?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>$")
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")


@dataclass
class Observed:
    """Files written and network addresses used by a command and all its child processes.

    Parameters
    ----------
    files : absolute paths opened for writing, created, or renamed to.
    addresses : IP addresses that sockets were bound to or contacted, also without success.
    """

    files: set[Path] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)

    @property
    def remote_addresses(self) -> set[str]:
        """The addresses that are not this machine's loopback."""
        return {address for address in self.addresses if not _is_loopback(address)}

    def files_outside(self, *folders: Path) -> set[Path]:
        """Return the written files that lie in none of the folders; devices do not count."""
        allowed = [*folders, Path("/dev"), Path("/proc/self")]
        return {
            file for file in self.files if not any(file.is_relative_to(path) for path in allowed)
        }


def _is_loopback(address: str) -> bool:
    ip = ip_address(address)
    mapped = ip.ipv4_mapped if ip.version == 6 else None
    return (mapped or ip).is_loopback


@cache
def strace_works() -> bool:
    """Return whether strace is installed and may trace (containers often forbid it)."""
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True)
    return done.returncode == 0


@contextmanager
def traced(
    command: list[str], log: Path, cwd: Path, **options: object
) -> Iterator[tuple[subprocess.Popen[str], Observed]]:
    """Start a command under strace; the observations are complete once the context has ended.

    Relative names are taken to be below `cwd`: the command is assumed not to change its folder.
    """
    # --seccomp-bpf stops the processes only at the calls listed, so they run at nearly full speed.
    tracer = ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", "signal=none"]
    tracer += ["-o", str(log), "-e", f"trace={_FILES},{_SOCKETS}", "--", *command]
    observed = Observed()
    with subprocess.Popen(tracer, text=True, cwd=cwd, **options) as process:  # type: ignore[call-overload]
        try:
            yield process, observed
        finally:
            # strace itself ignores signals until the command that it traces has ended.
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            if process.poll() is None:
                for child in children.read_text().split():
                    os.kill(int(child), signal.SIGTERM)
            process.wait()
    _parse(log.read_text("utf-8", "replace"), cwd, observed)


def _parse(log: str, cwd: Path, observed: Observed) -> None:
    unfinished: dict[str, str] = {}
    for raw in log.splitlines():
        line = raw
        number = line.split(" ", 1)[0]
        # A call during which another process runs is printed in two halves.
        if line.endswith("<unfinished ...>"):
            unfinished[number] = line.removesuffix("<unfinished ...>")
            continue
        if "resumed>" in line and number in unfinished:
            line = unfinished.pop(number) + line.split("resumed>", 1)[1]
        call = _CALL.match(line)
        if call is None:
            continue
        if call["name"] in _SOCKETS.split(","):
            for ipv4, ipv6 in _ADDRESS.findall(call["arguments"]):
                observed.addresses.add(ipv4 or ipv6)
        elif not call["result"].startswith("-"):
            observed.files.update(_written(call["name"], call["arguments"], cwd))


def _written(name: str, arguments: str, cwd: Path) -> list[Path]:
    """Return the path that a successful call has created or opened for writing, if any."""
    if name.startswith("open") and not _WRITES.search(arguments):
        return []
    parts = [part.strip() for part in re.split(r', (?=(?:[^"]*"[^"]*")*[^"]*$)', arguments)]
    names = [i for i, part in enumerate(parts) if part.startswith('"')]
    # The last path among the arguments is the new one, of renames and links too.
    path = Path(os.fsdecode(parts[names[-1]].split('"')[1].encode().decode("unicode_escape")))
    if names[-1] > 0 and (folder := _FOLDER.match(parts[names[-1] - 1])):
        cwd = Path(folder["folder"])
    return [cwd / path]
