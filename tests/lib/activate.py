"""Lends listening sockets to a program, as a service manager does (sd_listen_fds(3)).

Usage: activate.py FOLDER KIND... -- PROGRAM ARGUMENT...

A KIND is tcp, tcp6, both (IPv6 and IPv4), local6 ([::1] alone, without saying so), datagram, file, again (the socket before once more), or
unix:PATH. FOLDER gets a file "addresses", a line a socket. In the arguments, and in the
file that $FILL names, if it is there, @1@ stands for the first of them, and so on.

PROGRAM is started anew when it ends by a signal or with 0, but not while there is a file "pause" in
FOLDER; its process id is in "pid". With any other status this program ends, with the same.
"""

import os
import pathlib
import socket
import sys
import time


def listening(family, address, both=False):
    made = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not both))
    made.bind(address)
    made.listen()
    return made


def lend(kind, before):
    if kind == "tcp":
        return listening(socket.AF_INET, ("127.0.0.1", 0))
    if kind in ("tcp6", "both", "local6"):
        host = "::1" if kind == "local6" else "::"
        return listening(socket.AF_INET6, (host, 0), kind != "tcp6")
    if kind == "datagram":
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        return made
    if kind == "file":
        return open("/dev/null", "rb")
    if kind == "again":
        return before.dup()
    return listening(socket.AF_UNIX, kind.removeprefix("unix:"))


def text(lent):
    if not isinstance(lent, socket.socket):
        return "none"
    name = lent.getsockname()
    if lent.family == socket.AF_UNIX:
        return "unix:" + name
    return f"[{name[0]}]:{name[1]}" if lent.family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


def fill(template, addresses):
    for number, address in enumerate(addresses, 1):
        template = template.replace(f"@{number}@", address)
    return template


def become(program, lent, names):
    high = [os.dup(one.fileno()) for one in lent]
    moved = [os.dup2(os.dup(one), 100 + i) for i, one in enumerate(high)]
    for i, one in enumerate(moved):
        os.dup2(one, 3 + i)
    os.closerange(3 + len(lent), 200)
    variables = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": str(len(lent)),
        "LISTEN_FDNAMES": ":".join(names),
    }
    os.execvpe(program[0], program, variables | os.environ)


def run(folder, program, lent, names):
    while (folder / "pause").exists():
        time.sleep(0.01)
    child = os.fork()
    if child == 0:
        become(program, lent, names)
    (folder / "pid").write_text(f"{child}\n")
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        sys.exit(os.WEXITSTATUS(status))


def main():
    folder = pathlib.Path(sys.argv[1])
    end = sys.argv.index("--")
    kinds = sys.argv[2:end]
    lent = []
    for kind in kinds:
        lent.append(lend(kind, lent[-1] if lent else None))
    addresses = [text(one) for one in lent]
    (folder / "addresses").write_text("".join(one + "\n" for one in addresses))
    file = pathlib.Path(os.environ["FILL"])
    if file.exists():
        file.write_text(fill(file.read_text(), addresses))
    program = [fill(one, addresses) for one in sys.argv[end + 1 :]]
    names = [kind.partition(":")[0] + "-socket" for kind in kinds]
    while True:
        run(folder, program, lent, names)


main()
