"""uvloop: an echo server with uvloop, frames of a 4-byte big-endian length of at most 1 MiB.

    python3 peer_uvloop.py PORT WORKERS

A process a worker, each with its own listening socket (SO_REUSEPORT). The whole frames of what one
read brought go back in one write.
"""

import asyncio
import os
import signal
import socket
import struct
import sys

import uvloop

HEADER = struct.Struct(">I")
MESSAGE_MAX = 1 << 20


class Echo(asyncio.Protocol):
    __slots__ = ("transport", "pieces", "have", "wanted")

    def __init__(self):
        self.pieces = []  # the start of a frame
        self.have = 0  # bytes of it
        self.wanted = 0  # bytes of it, before it can be looked at again

    def connection_made(self, transport):
        self.transport = transport

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()

    def data_received(self, data):
        if self.have:
            self.pieces.append(data)
            self.have += len(data)
            if self.have < self.wanted:
                return
            data = b"".join(self.pieces)
            self.have = 0
        self.answer(data)

    def answer(self, data):
        at = 0
        wanted = HEADER.size
        end = len(data)
        while end - at >= HEADER.size:
            wanted = HEADER.size + HEADER.unpack_from(data, at)[0]
            if wanted > HEADER.size + MESSAGE_MAX or wanted > end - at:
                break
            at += wanted
            wanted = HEADER.size
        if at == end:
            self.transport.write(data)
            return
        if at:
            self.transport.write(data[:at])
        if wanted > HEADER.size + MESSAGE_MAX:
            self.transport.close()
            return
        self.pieces = [data[at:]]
        self.have = end - at
        self.wanted = wanted


async def serve(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    server = await asyncio.get_running_loop().create_server(Echo, sock=listener, backlog=4096)
    await server.serve_forever()


def run_worker(port):
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        asyncio.run(serve(port))
    finally:
        os._exit(70)


def main():
    port, workers = map(int, sys.argv[1:])
    ending = [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD]
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    pids = []
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            run_worker(port)
        pids.append(pid)
    caught = signal.sigwait(ending)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    sys.exit(70 if caught == signal.SIGCHLD else 0)


main()
