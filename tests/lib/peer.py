#!/usr/bin/python3
"""A throw-away server for the tests of preforkcat and preforkbench: one thread, one connection at a time.

    peer.py [options] BEHAVIOUR

It listens on a free port of 127.0.0.1, or on a unix socket, writes its address to the file named
by --ready once it can be connected to, and goes on until it is killed (or a minute has passed).
"""

import argparse
import os
import signal
import socket
import struct
import time


class Framing:
    """Frames by their length; written apart from the program's own codec, on purpose."""

    def __init__(self, length_bytes, byte_order):
        self.length_bytes = length_bytes
        self.byte_order = byte_order

    def read(self, connection):
        """The next payload, or None at end of file."""
        header = read_exactly(connection, self.length_bytes)
        if header is None:
            return None
        return read_exactly(connection, int.from_bytes(header, self.byte_order))

    def write(self, connection, payload):
        connection.sendall(self.frame(payload))

    def frame(self, payload):
        return len(payload).to_bytes(self.length_bytes, self.byte_order) + payload


def read_exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        got = connection.recv(min(size - len(data), 1 << 20))
        if not got:
            return None
        data += got
    return bytes(data)


def discard(connection):
    while connection.recv(1 << 20):
        pass


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer(connection, framing, count):
    for _ in range(count):
        framing.write(connection, framing.read(connection))


def echo(connection, framing, options):
    """Blocks while the client takes no replies, and then reads nothing either."""
    while (payload := framing.read(connection)) is not None:
        framing.write(connection, payload)


def mirror(connection, framing, options):
    """The same bytes back, fast, whatever the framing."""
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def collect(connection, framing, options):
    """Answers nothing before the client has shut down its sending side."""
    payloads = []
    while (payload := framing.read(connection)) is not None:
        payloads.append(payload)
    for payload in payloads:
        framing.write(connection, payload)


def record(connection, framing, options):
    """Keeps what it gets in a file, and says nothing."""
    with open(options.record, "ab") as file:
        while data := connection.recv(1 << 16):
            file.write(data)
            file.flush()


def close_after(connection, framing, options):
    answer(connection, framing, options.count)
    connection.shutdown(socket.SHUT_WR)
    discard(connection)


def close_at_once_after(connection, framing, options):
    """Leaves nothing unread, so that this is an end of file and no reset."""
    answer(connection, framing, options.count)


def cut_after(connection, framing, options):
    answer(connection, framing, options.count)
    connection.sendall(framing.frame(b"never to be whole")[:-1])
    connection.shutdown(socket.SHUT_WR)
    discard(connection)


def reset_after(connection, framing, options):
    """Resets at the next byte, when its replies have left."""
    answer(connection, framing, options.count)
    connection.recv(1)
    reset(connection)


def reset_at_once(connection, framing, options):
    reset(connection)


def junk_after(connection, framing, options):
    answer(connection, framing, options.count)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    discard(connection)


def silent(connection, framing, options):
    discard(connection)


def silent_after(connection, framing, options):
    answer(connection, framing, options.count)
    discard(connection)


def stall_after(connection, framing, options):
    """Is away for a second, once, and quick before and after."""
    answer(connection, framing, options.count)
    time.sleep(1)
    echo(connection, framing, options)


def slow(connection, framing, options):
    """Replies byte by byte."""
    while (payload := framing.read(connection)) is not None:
        for byte in framing.frame(payload):
            connection.sendall(bytes([byte]))
            time.sleep(0.02)


def deaf(connection, framing, options):
    """Never reads."""
    while True:
        signal.pause()


def reply(connection, framing, options):
    """Answers each message with the bytes of --payload."""
    while framing.read(connection) is not None:
        framing.write(connection, bytes.fromhex(options.payload))


def chatty(connection, framing, options):
    """Two replies a message."""
    while (payload := framing.read(connection)) is not None:
        framing.write(connection, payload)
        framing.write(connection, b"unasked")


BEHAVIOURS = {
    function.__name__.replace("_", "-"): function
    for function in (
        chatty, close_after, close_at_once_after, collect, cut_after, deaf, echo, junk_after,
        mirror, record, reply, reset_after,
        reset_at_once, silent, silent_after, slow, stall_after,
    )
}
# Those whose connections come to nothing: bound without listening, and with a full backlog.
REFUSALS = ("refuse", "full")


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("behaviour", choices=[*BEHAVIOURS, *REFUSALS])
    parser.add_argument("--ready", required=True)
    parser.add_argument("--unix")
    parser.add_argument("--ipv6", action="store_true")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--record")
    parser.add_argument("--payload", default="")
    parser.add_argument("--length-bytes", type=int, default=4)
    parser.add_argument("--byte-order", default="big")
    return parser.parse_args()


def bind(options):
    if options.unix:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(options.unix)
        return listener, "unix:" + options.unix
    if options.ipv6:
        listener = socket.socket(socket.AF_INET6)
        listener.bind(("::1", 0))
        return listener, "[::1]:%d" % listener.getsockname()[1]
    listener = socket.socket(socket.AF_INET)
    listener.bind(("127.0.0.1", 0))
    return listener, "127.0.0.1:%d" % listener.getsockname()[1]


def fill_backlog(listener):
    """Connects until a connection has to wait. Returns the sockets, to be kept."""
    listener.listen(0)
    clients = []
    while True:
        client = socket.socket(listener.family)
        client.settimeout(0.2)
        clients.append(client)
        try:
            client.connect(listener.getsockname())
        except (BlockingIOError, TimeoutError):
            return clients


def say_ready(path, address):
    with open(path + ".new", "w") as file:
        file.write(address + "\n")
    os.rename(path + ".new", path)


def serve(listener, options):
    framing = Framing(options.length_bytes, options.byte_order)
    while True:
        connection, _ = listener.accept()
        try:
            BEHAVIOURS[options.behaviour](connection, framing, options)
        except ConnectionError:
            pass
        connection.close()


def main():
    options = parse()
    signal.alarm(60)
    listener, address = bind(options)
    kept = []
    if options.behaviour == "full":
        kept = fill_backlog(listener)
    elif options.behaviour != "refuse":
        listener.listen(16)
    say_ready(options.ready, address)
    if options.behaviour in REFUSALS:
        signal.pause()
    serve(listener, options)
    del kept


main()
