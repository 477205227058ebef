#!/usr/bin/python3
"""What a process has open beyond standard input, output and error.

    descriptors.py PID

One line a descriptor, sorted: what it is, and how it is open ("close-on-exec" or "inherited").
"""
import os
import re
import sys

O_ACCMODE, O_APPEND, O_CLOEXEC = 0o3, 0o2000, 0o2000000
ACCEPTS = 0x10000  # __SO_ACCEPTCON, see unix(7), /proc/net/unix


def tcp_sockets(pid, table):
    """inode -> what it is; state 0A is TCP_LISTEN."""
    with open(f"/proc/{pid}/net/{table}", encoding="ascii") as lines:
        next(lines)
        for line in lines:
            fields = line.split()
            kind = "tcp listener" if fields[3] == "0A" else "tcp connection"
            yield fields[9], kind


def unix_sockets(pid):
    with open(f"/proc/{pid}/net/unix", "rb") as lines:
        next(lines)
        for line in lines:
            fields = line.decode(errors="replace").split()
            if int(fields[4], 16) == 5:
                kind = "channel"
            elif int(fields[3], 16) & ACCEPTS:
                kind = "unix listener"
            else:
                kind = "unix connection"
            yield fields[6], kind


def sockets(pid):
    found = dict(unix_sockets(pid))
    for table in ("tcp", "tcp6"):
        found.update(tcp_sockets(pid, table))
    return found


def describe(pid, fd, known):
    link = os.readlink(f"/proc/{pid}/fd/{fd}")
    with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as info:
        flags = int(re.search(r"^flags:\s*(\d+)", info.read(), re.M)[1], 8)
    kind = re.sub(r":\[\d+\]$", "", link)
    if kind == "socket":
        kind = known.get(link[len("socket:["):-1], "unknown socket")
    kind = kind.replace(f"/proc/{pid}/", "/proc/self/")
    if link.startswith("/"):
        kind += (" read", " write", " read-write")[flags & O_ACCMODE]
        kind += " append" if flags & O_APPEND else ""
    return f"{kind}, {'close-on-exec' if flags & O_CLOEXEC else 'inherited'}"


def main():
    pid = sys.argv[1]
    known = sockets(pid)
    fds = sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    for line in sorted(describe(pid, fd, known) for fd in fds if fd > 2):
        print(line)


if __name__ == "__main__":
    main()
