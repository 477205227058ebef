#!/usr/bin/python3
"""Conversations with lib/modules/work.c while allocations of the worker fail: every reply is right
and in its turn, or the server ends the connection; others notice nothing, the worker lives, and a
new connection is served. Prints how many allocations have failed.

    memory.py SUBCOMMAND [options] ADDRESS
"""

import mmap
import os
import struct
import sys

sys.dont_write_bytecode = True

import client as base  # noqa: E402
from client import Failure, children, require  # noqa: E402
from pipeline import Peer  # noqa: E402

CONTROL = struct.Struct("iiii")  # as in failing_malloc.c
LARGE = 300000                   # bytes: more than what is read at once
OUTPUT = 1000000                 # of replies: more than what the kernel takes at once


class Malloc:
    """The allocations of one process, by the file that it has mapped."""

    def __init__(self, path, pid):
        fd = os.open(path, os.O_RDWR)
        self.memory = mmap.mmap(fd, CONTROL.size)
        os.close(fd)
        self.pid = pid

    def arm(self, before, fails):
        CONTROL.pack_into(self.memory, 0, 0, before, fails, 0)
        CONTROL.pack_into(self.memory, 0, self.pid, before, fails, 0)

    def disarm(self):
        """Returns how many have failed."""
        struct.pack_into("i", self.memory, 0, 0)
        return CONTROL.unpack_from(self.memory, 0)[3]


class Ended(Exception):
    """The server has ended the connection."""


class Talk(Peer):
    """A client that tells an end from a wrong reply."""

    def __init__(self, address):
        super().__init__(address, receive_buffer=1 << 16)

    def receive(self, size=base.CHUNK):
        try:
            got = super().receive(size)
        except Failure as failure:
            if "reset" in str(failure):
                raise Ended from failure
            raise
        if not got:
            raise Ended
        return got

    def send(self, data):
        try:
            super().send(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Ended from error

    def reply(self):
        """The next that is no message of its own accord."""
        while (reply := super().reply()).startswith(b"push "):
            pass
        return reply


def converse(talk, pooled):
    """Frames in one piece and in many; small, large and built by the module; on the loop, in the
    pool and kept; then the module closes."""
    talk.obey("i sleep 0")
    talk.obey("i keep 100")
    talk.obey(*["p sleep 0"] * pooled, "i sleep 0", "h sleep 0", "l sleep 0")
    talk.post(("i " + "x" * LARGE), ("p " + "y" * LARGE), ("i " + "z" * 70000))
    talk.expect_all()
    talk.obey("i set 7", "p keep 200", "i keep 200", ("i get", "7"), "p push 3", "i push 2")
    for place in "ip":
        require(len(talk.ask_for(place + " build 100000")) == 100000, "the wrong size was built")
        require(set(talk.ask_for(place + " order")) == {"m"}, "other letters have been marked")
        talk.obey(place + " waste 5000")
    talk.post(*["i " + "o" * OUTPUT, "p " + "o" * OUTPUT] * 2)
    talk.expect_all()
    torn = talk.prepare("p sleep 0") + talk.prepare("i sleep 0")
    for at in range(0, len(torn), 5):
        talk.send(torn[at:at + 5])
    talk.expect_all()
    talk.post_silent("p drop 100")
    talk.post("p sleep 0", "i bye")
    talk.expect_all("ok")
    try:
        reply = talk.reply()
    except Ended:
        return
    raise Failure("%.60r came behind the last reply" % reply)


class Witness:
    """Another connection, which notices nothing, and a worker that stays the same."""

    def __init__(self, options):
        self.options = options
        self.workers = children(options.server)
        self.malloc = Malloc(options.control, self.workers[0])
        self.peer = Peer(options.address[0])
        self.peer.obey("i set 42", *["i mark m"] * 100)

    def converse(self, before, what, *arguments):
        """Has a conversation in which all but BEFORE allocations fail, --fails of them. Returns how
        many have failed."""
        whole = False
        self.malloc.arm(before, self.options.fails)
        try:
            with Talk(self.options.address[0]) as talk:
                what(talk, *arguments)
            whole = True
        except Ended:
            pass
        hits = self.malloc.disarm()
        require(whole or hits > 0, "allocation %d: the connection ended for nothing", before + 1)
        require(children(self.options.server) == self.workers,
                "allocation %d: the worker ended", before + 1)
        require(self.peer.ask_for("i get") == "42", "another connection has lost its state")
        return hits

    def another(self):
        """A new connection, which is served."""
        peer = Peer(self.options.address[0])
        peer.obey("i sleep 0")
        return peer


def each(options):
    """In the first conversation the first allocation fails, in the second one the second, and so
    on, until a whole one needs fewer."""
    witness = Witness(options)
    count = 0
    # Each has more requests at once than those before it, so that what was kept of those is used
    # up.
    while witness.converse(count, converse, 4 + count) > 0:
        witness.another().close()
        count += 1
    with Talk(options.address[0]) as talk:
        converse(talk, 40)
    print(count)


def crowd(options):
    """With up to --connections open, the first allocations of one more fail: those by which tables
    grow are among them, since none has had its descriptor before."""
    witness = Witness(options)
    others = []
    count = 0
    while len(others) < options.connections:
        for before in range(5):
            count += witness.converse(before, lambda talk: talk.obey("i sleep 0", "p sleep 0"))
        others.append(witness.another())
    for other in others:
        other.obey("p sleep 0", "i sleep 0")
    print(count)


SUBCOMMANDS = {"each": each, "crowd": crowd}
OPTIONS = {
    "server": (int, 0, "pid of the master, of one worker"),
    "control": (str, "", "file of failing_malloc.c"),
    "fails": (int, 1, "allocations that fail in a row"),
    "connections": (int, 0, "connections"),
}


def main():
    options = base.parser_of(__doc__, SUBCOMMANDS, OPTIONS).parse_args()
    base.run("memory.py", options, lambda: SUBCOMMANDS[options.subcommand](options))


if __name__ == "__main__":
    main()
