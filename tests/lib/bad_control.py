"""Sends what preforkctl never would to the control socket PATH, and holds connections open."""

import os
import socket
import sys


def connect(path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(path)
    client.settimeout(20)
    return client


def ask(path, data, files=()):
    client = connect(path)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"".join(n.to_bytes(4, "little") for n in files))]
    client.sendmsg([data], rights if files else [])
    try:
        return client.recv(4096)
    except ConnectionResetError:
        return b""


def main(path):
    request = (1).to_bytes(2, "little") + (999).to_bytes(2, "little") + bytes(28)
    kill_nobody = (1).to_bytes(2, "little") + (9).to_bytes(2, "little") + bytes(28)
    for data in (b"x", b"\xff" * len(request), request, kill_nobody, os.urandom(60), os.urandom(4000)):
        answer = ask(path, data, (0, 1, 2))
        assert len(answer) > 100 and answer[4:8] != bytes(4), data
    # Connect and leave; stay and say nothing; ask and do not read.
    for _ in range(100):
        connect(path).close()
    silent = []
    for _ in range(40):
        client = connect(path)
        client.setblocking(False)
        silent.append(client)
    status = (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes(28)
    for client in silent:
        try:
            for _ in range(2000):
                client.send(status)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass


main(sys.argv[1])
