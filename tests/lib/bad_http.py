#!/usr/bin/env python3
"""Sends what no HTTP server wants: bad_http.py ADDRESS:PORT

Junk, half requests that never end, heads and bodies without end, a client that reads nothing, and
many connections at once. Fails only if it cannot connect at first.
"""

import os
import random
import socket
import sys

SEED = 8
PATIENCE = 5  # seconds


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), PATIENCE)


def send(sock, data):
    try:
        sock.sendall(data)
    except OSError:
        pass  # it has been closed


def main():
    address = sys.argv[1]
    rng = random.Random(SEED)
    held = [connect(address)]
    for size in (1, 10, 1000, 100000):
        sock = connect(address)
        send(sock, rng.randbytes(size))
        held.append(sock)
    for piece in (b"GET", b"GET /metrics HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: "):
        sock = connect(address)
        send(sock, piece)
        held.append(sock)
    endless = connect(address)
    for number in range(2000):
        send(endless, b"X-%d: %s\r\n" % (number, b"y" * 100))
    body = connect(address)
    send(body, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
    send(body, b"z" * 1000000)
    chunked = connect(address)
    send(chunked, b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
         b"ffffffffffffffff\r\n" * 100)
    deaf = connect(address)
    deaf.settimeout(1)
    send(deaf, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 4000000)
    for _ in range(300):
        try:
            held.append(connect(address))
        except OSError:
            break
    os._exit(0)  # and all are reset or closed at once


if __name__ == "__main__":
    main()
