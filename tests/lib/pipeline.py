#!/usr/bin/python3
"""Clients that pipeline to lib/modules/work.c and check the content and the order of each reply.

    pipeline.py SUBCOMMAND [options] ADDRESS [ADDRESS ...]

Ends with 0 if all was as it must be, else with 1 and a line that says what was not. What a message
says stands at the top of work.c. Nothing here depends on how fast something is: handlers are held
by a gate in the module, and whatever is waited for is waited for by its state.
"""

import argparse
import collections
import contextlib
import itertools
import os
import random
import select
import sys
import threading

sys.dont_write_bytecode = True

import client as base  # noqa: E402
from client import (Client, Failure, anonymous_memory, children, in_parallel, now,
                    process_state, require, wait_until)  # noqa: E402

FRAMING = base.Framing(argparse.Namespace(
    length_bytes="4", byte_order="big", length_offset=0, length_adjust=0))

NOTICES = {"busy": b"server busy", "timeout": b"request timed out"}


class Peer(Client):
    """A client that numbers its requests and knows what is due to it."""

    def __init__(self, address, **buffers):
        super().__init__(address, FRAMING, **buffers)
        self.number = 0
        self.due = collections.deque()  # (first word of the request, its own reply)

    def prepare(self, what, answer=None):
        """The frame of "LETTER COMMAND ...", whose reply is the message or has this answer."""
        self.number += 1
        letter, blank, rest = what.partition(" ")
        head = "%s%d" % (letter, self.number)
        text = (head + blank + rest).encode()
        self.due.append((head.encode(), text if answer is None else (head + " " + answer).encode()))
        return self.framing.frame(text)

    def post(self, *requests):
        """Sends them in one piece: texts, or pairs of a text and its answer."""
        self.send(b"".join(self.prepare(*([each] if isinstance(each, str) else each))
                           for each in requests))

    def post_silent(self, what):
        """Sends one that gets no reply."""
        self.post(what)
        self.due.pop()

    def take(self):
        """What the next reply is: "ok" (the request's own), "busy", "timeout"; else fails."""
        head, own = self.due.popleft()
        reply = self.reply()
        if reply == own:
            return "ok"
        for kind, text in NOTICES.items():
            if reply.rstrip() in (text, kind.encode() + b" " + head):
                return kind
        raise Failure("got %.60r for %.60r" % (reply, own))

    def take_all(self):
        """The kinds of all replies that are due."""
        return [self.take() for _ in range(len(self.due))]

    def expect_all(self, kind="ok"):
        kinds = self.take_all()
        require(set(kinds) <= {kind}, "expected %s, got %s", kind, summary(kinds))

    def ask_for(self, what):
        """The value that a request is answered with."""
        self.post(what)
        head, _ = self.due.pop()
        reply = self.reply()
        require(reply.startswith(head + b" "), "asked %s, got %.60r", what, reply)
        return reply[len(head) + 1:].decode()

    def obey(self, *requests):
        """The same for requests that are answered with themselves."""
        self.post(*requests)
        self.expect_all()

    def expect_message(self, text):
        reply = self.reply()
        require(reply == text.encode(), "expected %r, got %.60r", text, reply)

    def is_silent(self, seconds):
        """Whether nothing comes for so long."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return not poll.poll(seconds * 1000)

    # What the module says of itself, inline

    def routed(self):
        return int(self.ask_for("i routed"))

    def held(self):
        return int(self.ask_for("i held"))

    def order(self):
        return self.ask_for("i order")

    def wait_routed(self, count):
        wait_until("%d messages have been routed" % count, lambda: self.routed() >= count)


def summary(kinds):
    counts = collections.Counter(kinds)
    return " ".join("%d %s" % (counts[kind], kind) for kind in sorted(counts))


def runs(kinds):
    """The kinds in their order, each once for its run."""
    return " ".join(kind for kind, _ in itertools.groupby(kinds))


def hold_threads(address, count, letter="p"):
    """So many clients, each with a thread of the pool that waits for the gate."""
    control = Peer(address)
    holders = [Peer(address) for _ in range(count)]
    for holder in holders:
        holder.post(letter + " hold")
    wait_until("the threads are held", lambda: control.held() == count)
    return control, holders


def finish(*peers):
    """All replies that are due are the requests' own."""
    for peer in peers:
        peer.expect_all()
        peer.close()


# Order


def order(options):
    """--connections, on each --count requests that sleep up to --sleep microseconds in a --places
    drawn by lot: each reply is right and in order. Of one connection --least handlers ran at once,
    and --most at most."""
    address = options.address[0]

    def run(index):
        source = random.Random(options.seed * 1000 + index)
        requests = ["%s sleep %d" % (source.choice(options.places), source.randrange(options.sleep))
                    for _ in range(options.count)]
        with Peer(address) as peer:
            peer.post(*requests)
            peer.expect_all()
            most.append(int(peer.ask_for("i most")))

    most = []
    in_parallel(options.connections, run)
    require(options.least <= min(most) and max(most) <= options.most,
            "%d to %d handlers of a connection ran at once", min(most), max(most))


def bursts(options):
    """The same in bursts of random size, each sent when some replies of the last have come, and
    with requests between them that get no reply."""
    address = options.address[0]

    def run(index):
        source = random.Random(options.seed * 1000 + index)
        with Peer(address) as peer:
            while peer.number < options.count:
                for _ in range(source.randrange(1, 12)):
                    place = source.choice(options.places)
                    if source.random() < 0.2:
                        peer.post_silent(place + " silent")
                    else:
                        peer.post("%s sleep %d" % (place, source.randrange(options.sleep)))
                for _ in range(source.randrange(len(peer.due) + 1)):
                    require(peer.take() == "ok", "a notice came")
            peer.expect_all()

    in_parallel(options.connections, run)


def state(options):
    """SET and GET pipelined, --count times on each of --connections: GET says what the SET before
    it set. The --places of both are drawn by lot."""
    address = options.address[0]

    def run(index):
        source = random.Random(options.seed * 1000 + index)
        requests = []
        for value in range(options.count):
            requests.append("%s set %d" % (source.choice(options.places), value))
            requests.append(("%s get" % source.choice(options.places), str(value)))
        with Peer(address) as peer:
            peer.post(*requests)
            peer.expect_all()

    in_parallel(options.connections, run)


def overtake(options):
    """A concurrent module: an inline message opens the gate for the pooled one before it, and the
    replies are in order nevertheless."""
    with Peer(options.address[0]) as peer:
        peer.obey("p hold", "p sleep 100", "i release", "p sleep 0")


def window(options):
    """--count requests on a connection, whose handlers are held: no more than --most are under way
    at a time; all are answered in the end."""
    with Peer(options.address[0]) as control, Peer(options.address[0]) as peer:
        peer.post(*[options.ask] * options.count)
        control.wait_routed(options.least)
        for _ in range(50):
            require(control.routed() <= options.most, "%d are under way", control.routed())
        control.obey("i release", "i unpark")
        if options.ask.endswith("park"):
            unpark_until_done(control, peer)
        peer.expect_all()


def unpark_until_done(control, peer):
    poll = select.poll()
    poll.register(peer.socket, select.POLLIN)
    while peer.due:
        control.obey("i unpark")
        if poll.poll(10):
            require(peer.take() == "ok", "a notice came")


def places(options):
    """A pooled and an inline message run --where they are to, which is said as POOLED,INLINE."""
    with Peer(options.address[0]) as peer:
        where = "%s,%s" % (peer.ask_for("p place"), peer.ask_for("i place"))
        require(where == options.where, "they ran %s", where)


def half_close(options):
    """--count pooled requests, then the end of what the client sends: all replies, then the
    end."""
    with Peer(options.address[0]) as peer:
        peer.post(*["p sleep %d" % options.sleep] * options.count)
        peer.socket.shutdown(base.socket.SHUT_WR)
        peer.expect_all()
        peer.expect_end()


# Priorities


def queue_marks(options, peers_of, count):
    """COUNT requests for each of (letter, address, mark), as many as may be a connection."""
    peers = []
    for letter, address, mark in peers_of:
        left = count
        while left > 0:
            peer = Peer(address)
            some = min(left, options.pipeline)
            peer.post(*["%s mark %s" % (letter, mark)] * some)
            peers.append(peer)
            left -= some
    return peers


def share(options):
    """With one thread, held, --count messages wait in the queue of each of --places; then they are
    handled. As long as none of the queues is empty, each gets --shares, as in "16:1"."""
    weights = [int(word) for word in options.shares.split(":")]
    addresses = options.address * (len(weights) // len(options.address))
    control, holders = hold_threads(addresses[0], 1, options.places[0])
    letters = options.places if len(options.address) == 1 else "p" * len(weights)
    marks = "hnl" if len(weights) == 3 else "hl"
    peers = queue_marks(options, list(zip(letters, addresses, marks)), options.count)
    control.wait_routed(1 + len(weights) * options.count)
    control.obey("i release")
    finish(*holders, *peers)
    check_shares(control.order(), marks, weights, options.count)


def check_shares(marked, marks, weights, count):
    """Of the part in which no queue can have been empty: the heaviest is so first."""
    length = count * sum(weights) // max(weights) * 9 // 10
    part = collections.Counter(marked[:length])
    for mark, weight in zip(marks, weights):
        expected = length * weight / sum(weights)
        require(abs(part[mark] - expected) <= max(4, expected * 0.05),
                "of the first %d, %s had %d, expected %.1f: %s", length, mark, part[mark], expected,
                marked[:120])


def share_of_flood(options):
    """With one thread, clients send --count messages of each of --places, more than their queues
    take, so that some are always paused: low gets its share as long as all send."""
    weights = [int(word) for word in options.shares.split(":")]
    control, holders = hold_threads(options.address[0], 1)
    marks = dict(zip(options.places, "hnl" if len(weights) == 3 else "hl"))
    floods = []
    for letter in options.places:
        for _ in range(options.connections):
            peer = Peer(options.address[0])
            peer.post(*["%s mark %s %d" % (letter, marks[letter], options.sleep)]
                      * (options.count // options.connections))
            floods.append(peer)
    control.obey("i release")
    finish(*holders, *floods)
    check_shares(control.order(), "".join(marks.values()), weights, options.count)


def urgent(options):
    """With one thread, within a job of low messages: one of high comes next, and one of normal
    priority before the rest."""
    control, holders = hold_threads(options.address[0], 1, "h")
    low, high, normal = (Peer(options.address[0]) for _ in range(3))
    control.obey("i release")
    finish(*holders)
    control.obey("i shut")
    low.post("l mark a", "l hold", *["l mark l"] * 60)
    control.wait_routed(2)
    wait_until("the job has begun", lambda: control.order() == "a")
    high.post("h mark h")
    control.wait_routed(len(low.due) + 2)
    normal.post("n mark n")
    control.wait_routed(len(low.due) + 3)
    control.obey("i release")
    finish(low, high, normal)
    marked = control.order()
    require(len(marked) == 63, "%d messages were handled", len(marked))
    require(marked.index("h") <= 2, "high had to wait: %s", marked)
    require(marked.index("n") <= 6, "normal had to wait: %s", marked)


# Overload


def wait(options):
    """overload = "wait": --connections of --count requests each, while the only thread is held and
    the queue takes --queue: no more is dispatched than it takes, but one that each connection
    waits with, an inline request is answered meanwhile, all are answered in the end, and then it
    is as before."""
    address = options.address[0]
    control, holders = hold_threads(address, 1)
    peers = [Peer(address) for _ in range(options.connections)]
    for peer in peers:
        peer.post(*["p sleep %d" % options.sleep] * options.count)
    control.wait_routed(options.queue)
    late = Peer(address)
    late.obey("i sleep 0")
    late.post("p sleep 0")
    for _ in range(50):
        require(control.routed() <= options.queue + 1 + options.connections + 1,
                "%d messages were routed", control.routed())
    control.obey("i release")
    finish(*holders, late, *peers)
    with Peer(address) as after:
        after.obey("p sleep 0", "i sleep 0", "p sleep 0")


def paused_order(options):
    """Connections that were paused go on in the order in which they were paused."""
    address = options.address[0]
    control, holders = hold_threads(address, 1)
    peers = []
    for i in range(options.connections):
        peer = Peer(address)
        peer.obey("i sleep 0")
        peer.post(*["p mark %s" % chr(ord("A") + i)] * options.count)
        control.obey("i sleep 0", "i sleep 0")
        control.obey("i sleep 0")
        peers.append(peer)
    control.obey("i release")
    finish(*holders, *peers)
    begun = "".join(dict.fromkeys(control.order()))
    expected = "".join(chr(ord("A") + i) for i in range(options.connections))
    require(begun == expected, "they went on as %s", begun)


def newcomers(options):
    """Of connections that wait for room, none is overtaken by those that come when some is free."""
    address = options.address[0]
    control, holders = hold_threads(address, options.threads)
    old = [Peer(address) for _ in range(12)]
    for peer in old:
        peer.post("p mark o 5000")
    control.wait_routed(options.threads + len(old))
    control.obey("i release")
    new = []
    while (order := control.order()).count("o") < len(old):
        peer = Peer(address)
        peer.post("p mark n 5000")
        new.append(peer)
        wait_until("one more is handled", lambda: len(control.order()) > len(order))
    finish(control, *holders, *old, *new)
    require("n" not in order.rstrip("n"), "they came in the order %s", order)


def shed(options):
    """overload = "shed": with the only thread held, a queue of --queue is filled; what comes then
    is answered at once as busy, also in the middle of a pipeline, in its place; the rest is right,
    and then it is as before."""
    address = options.address[0]
    control, holders = hold_threads(address, 1)
    fillers = fill_queue(address, control, options.queue)
    with Peer(address) as refused:
        refused.post(*["p sleep 0"] * 20)
        refused.expect_all("busy")
        refused.obey("i sleep 0")
        refused.post("i sleep 0", "p sleep 0", "i sleep 0", "p sleep 0")
        kinds = refused.take_all()
        require(kinds == ["ok", "busy"] * 2, "got %s", summary(kinds))
    control.obey("i release")
    finish(*holders, *fillers)
    with Peer(address) as after:
        after.obey(*["p sleep 0", "i sleep 0"] * (options.queue // 2))


def fill_queue(address, control, count, letter="p"):
    """So many clients, each with a request in the queue. What a connection sends behind one waits
    for that first."""
    before = control.routed()
    peers = [Peer(address) for _ in range(count)]
    for peer in peers:
        peer.post(letter + " sleep 0")
    control.wait_routed(before + count)
    return peers


def bye_while_paused(options):
    """A concurrent module closes a connection, the rest of whose requests wait for room in the
    queue; so do other connections, which are served."""
    address = options.address[0]
    control, holders = hold_threads(address, 1)
    leaving = [Peer(address) for _ in range(options.connections)]
    others = [Peer(address) for _ in range(options.connections)]
    for peer, other in zip(leaving, others):
        peer.post("p bye")
        peer.send(b"".join(FRAMING.frame(b"p2 never") for _ in range(3)))
        other.post(*["p sleep 0"] * 5)
        control.obey("i sleep 0")
    control.obey("i release")
    for peer in leaving:
        peer.expect_all()
        peer.expect_end()
    finish(*holders, *others)


def shed_behind_own(options):
    """overload = "shed": one connection sends more than the queue takes. Each reply is right or
    busy in its place, and what the queue takes is handled."""
    control, holders = hold_threads(options.address[0], 1)
    with Peer(options.address[0]) as peer:
        peer.post(*["p sleep 0"] * (options.queue + 20))
        control.wait_routed(1 + options.queue)
        control.obey("i release")
        kinds = peer.take_all()
        require(set(kinds) <= {"ok", "busy"}, "got %s", summary(kinds))
        require(kinds[:options.queue] == ["ok"] * options.queue, "got %s", summary(kinds))
    finish(*holders)

def shed_flood(options):
    """overload = "shed": --connections with --count requests each that sleep --sleep microseconds:
    each reply is right or busy, in its place, and both come; then it is as before."""
    address = options.address[0]
    kinds = []

    def run(_):
        with Peer(address) as peer:
            peer.post(*["p sleep %d" % options.sleep] * options.count)
            kinds.extend(peer.take_all())

    in_parallel(options.connections, run)
    require(set(kinds) == {"ok", "busy"}, "got %s", summary(kinds))
    with Peer(address) as after:
        after.obey("p sleep 0", "i sleep 0")


def apart(options):
    """The queue of one priority is full, so its requests are shed; those of another are taken."""
    address = options.address[0]
    control, holders = hold_threads(address, 1)
    full = fill_queue(address, control, options.queue, "h")
    with Peer(address) as refused:
        refused.post("h sleep 0", "h sleep 0")
        refused.expect_all("busy")
    others = fill_queue(address, control, options.queue, "l")
    control.obey("i release")
    finish(*holders, *full, *others)


def mute(options):
    """A module that has no busy reply: what is shed stays without a reply, the rest has its
    own."""
    address = options.address[0]
    control, holders = hold_threads(address, 1)
    fillers = fill_queue(address, control, options.queue)
    with Peer(address) as peer:
        peer.post_silent("p sleep 0")
        peer.obey("i sleep 0")
        control.obey("i release")
        peer.obey("i sleep 0")
    finish(*holders, *fillers)


def heads(options):
    """With an echo server that has headers of 3 bytes before the length: each reply has the header
    of its request, the notices that the server makes itself too, of which some are of --kinds."""
    framing = base.Framing(argparse.Namespace(
        length_bytes="4", byte_order="big", length_offset=3, length_adjust=0))
    kinds = set()

    def run(_):
        with Client(options.address[0], framing) as client:
            client.send(b"".join(framing.frame(b"%03dbody" % i) for i in range(options.count)))
            for i in range(options.count):
                reply = client.reply()
                require(reply.startswith(b"%03d" % i), "reply %d is %.60r", i, reply)
                kinds.add(reply[3:])

    in_parallel(options.connections, run)
    require(NOTICES[options.kinds] in kinds, "none was %s", options.kinds)
    require(kinds <= {b"body", NOTICES[options.kinds]}, "got %s", kinds)


# Bounds


def full_queue_memory(options):
    """--connections that send without end, unread, while no request is handled: memory grows by
    --grow bytes at most; then each gets every reply."""
    address = options.address[0]
    control, holders = hold_threads(address, options.threads)
    before = anonymous_memory(options.server)
    peers = [Peer(address, receive_buffer=32768, send_buffer=65536)
             for _ in range(options.connections)]
    rests = fill_all(peers, options.size)
    grown = anonymous_memory(options.server) - before
    require(grown <= options.grow, "memory grew by %d KB", grown // 1024)
    print("memory grew by %d KB" % (grown // 1024))
    control.obey("i release")
    finish(*holders)
    in_parallel(len(peers), lambda i: drain_filled(peers[i], rests[i], options.kinds))
    grown = anonymous_memory(options.server) - before
    require(grown <= options.grow, "memory grew by %d KB in the end", grown // 1024)


def fill_all(peers, size):
    """Sends messages of that size until no connection has taken anything for a while. What is left to
    send of the last message of each."""
    rests = [b""] * len(peers)
    poll = select.poll()
    by_fd = {peer.socket.fileno(): i for i, peer in enumerate(peers)}
    for fd in by_fd:
        poll.register(fd, select.POLLOUT)
    while ready := poll.poll(500):
        for fd, _ in ready:
            i = by_fd[fd]
            rests[i] = rests[i] or b"".join(
                peers[i].prepare("p fill " + "f" * size) for _ in range(max(1, 16384 // size)))
            with contextlib.suppress(BlockingIOError):
                rests[i] = rests[i][os.write(fd, rests[i]):]
    return rests


def behind_bye(options):
    """--count connections are closed by the handler of their first message. What they have sent behind
    it costs nothing in the end: memory grows by --grow bytes at most."""
    address = options.address[0]

    def run(count):
        for _ in range(count):
            with Peer(address) as peer:
                frame = FRAMING.frame(b"p2 never " + b"n" * options.size)
                peer.send(peer.prepare(options.ask) + frame * (60000 // len(frame)))
                peer.expect_all()
                peer.expect_end()

    run(20)
    before = anonymous_memory(options.server)
    run(options.count)
    grown = anonymous_memory(options.server) - before
    require(grown <= options.grow, "memory grew by %d KB", grown // 1024)


def drain_filled(peer, rest, kinds):
    sender = threading.Thread(target=peer.send, args=[rest], daemon=True)
    sender.start()
    got = peer.take_all()
    sender.join()
    require(set(got) <= set(kinds.split(",")), "got %s", summary(got))


# Timeouts of requests


def time_out(options):
    """A handler that takes too long, and what waits behind it on its connection, are answered as
    timed out, in order; another connection is served meanwhile; when the handler has ended, so is
    the first again."""
    address = options.address[0]
    with Peer(address) as late, Peer(address) as other:
        late.post("p hold", *["p sleep 0", "i sleep 0"] * 5)
        while not base.select.select([late.socket], [], [], 0)[0]:
            other.obey("p sleep 1000", "i sleep 0")
        late.expect_all("timeout")
        other.obey("p sleep 0", "i release", "p hold")
        wait_until("the first is served again", lambda: is_served(late))


def slow_down(options):
    """Handlers that were cheap take --sleep microseconds, --count of them one after another on a
    connection: each in time for itself, but not the last ones for their requests."""
    with Peer(options.address[0]) as peer:
        for _ in range(50):
            peer.obey(*["p hello"] * 60)
        peer.post(*["p sleep %d" % options.sleep] * options.count)
        kinds = peer.take_all()
        require(set(kinds) == {"ok", "timeout"}, "got %s", summary(kinds))
        wait_until("it is served again", lambda: is_served(peer))


def beside_slow(options):
    """Handlers are cheap, but for one that takes --sleep microseconds: mostly neither the request
    before it nor the one behind it, of other clients, waits for long. A machine that is busy with
    other things gets some tries."""
    with contextlib.ExitStack() as stack:
        before, slow, behind = (stack.enter_context(Peer(options.address[0])) for _ in range(3))

        def is_quick():
            took = []
            for _ in range(15):
                for _ in range(20):
                    before.obey(*["p hello"] * 60)
                begun = now()
                before.post("p hello")
                slow.post("p sleep %d" % options.sleep)
                behind.post("p hello")
                before.expect_all()
                behind.expect_all()
                took.append(now() - begun)
                slow.expect_all()
            print("median %.4f s" % sorted(took)[7])
            return sorted(took)[7] < 0.01

        require(any(is_quick() for _ in range(5)), "they wait too long")


def is_served(peer):
    peer.post("p sleep 0")
    return peer.take() == "ok"


def expire_queued(options):
    """The --threads are busy with urgent work, none of which takes too long; what waits behind it
    does: it is answered as timed out, in its place, and not handled."""
    address = options.address[0]
    with Peer(address) as control, Peer(address) as low:
        ends = threading.Event()

        def keep_busy():
            with Peer(address) as peer:
                while not ends.is_set():
                    peer.post(*["h sleep 5000"] * 8)
                    peer.take_all()

        busy = [threading.Thread(target=keep_busy, daemon=True) for _ in range(6)]
        for thread in busy:
            thread.start()
        control.wait_routed(20)
        low.post(*["l mark l"] * 40)
        kinds = low.take_all()
        ends.set()
        for thread in busy:
            thread.join()
        require("timeout" in kinds, "none timed out")
        require(set(kinds) <= {"ok", "timeout"}, "got %s", summary(kinds))
        marked = control.order()
        require(len(marked) <= kinds.count("ok") + options.threads, "%d were handled, %s",
                len(marked), summary(kinds))
        wait_until("low is served again", lambda: is_served(low))


def expire_paused(options):
    """The --threads are busy with urgent work; the queue of low takes one message, so that nearly
    all connections with low ones are paused until their requests time out. Then they are served
    again."""
    address = options.address[0]
    with Peer(address) as control:
        busy = [Peer(address) for _ in range(2 * options.threads)]
        for peer in busy:
            peer.post(*["h sleep %d" % options.sleep] * 64)
        control.wait_routed(options.threads)
        lows = [Peer(address) for _ in range(options.connections)]
        for _ in range(2):
            for low in lows:
                low.post(*["l sleep 0"] * 2)
            for low in lows:
                require(set(low.take_all()) <= {"ok", "timeout"}, "a busy reply came")
        for peer in busy:
            require(set(peer.take_all()) <= {"ok", "timeout"}, "a busy reply came")
        for low in lows:
            wait_until("it is served again", lambda low=low: is_served(low))


def batch(options):
    """A concurrent module whose handlers have been quick so far: one that takes long does not hold
    up what came behind it on its connection, since threads are idle."""
    address = options.address[0]
    with Peer(address) as control, Peer(address) as peer:
        for _ in range(20):
            peer.obey(*["p quick"] * 64)
        peer.post("p hold", "p mark a", "p mark b")
        wait_until("those behind it are handled", lambda: sorted(control.order()) == ["a", "b"],
                   patience=options.hold)
        control.obey("i release")
        peer.expect_all()


def quick_before_long(options):
    """The reply to a quick request does not wait for the long one behind it in the same job."""
    address = options.address[0]
    with Peer(address) as control, Peer(address) as peer:
        peer.post("p quick", "p hold")
        require(peer.take() == "ok", "the quick one failed")
        control.obey("i release")
        peer.expect_all()


def hang_and_leave(options):
    """--threads clients are reset while their handlers hang: the worker of --server is replaced
    all the same, and goes."""
    address = options.address[0]
    old = children(options.server)[0]
    for index in range(options.threads):
        peer = Peer(address)
        peer.post("p hang")
        with Peer(address) as control:
            wait_until("it hangs", lambda: int(control.ask_for("i running")) > index)
        peer.reset()
    wait_until("the worker is replaced", lambda: process_state(old) in "XZ")
    with Peer(address) as new:
        new.obey(*["p sleep 0", "i sleep 0"] * 5)


def leave_one_running(options):
    """A client is reset while its handler sleeps for --sleep microseconds. Returns at once."""
    address = options.address[0]
    with Peer(address) as control:
        peer = Peer(address)
        peer.post("p sleep %d" % options.sleep)
        wait_until("it runs", lambda: control.ask_for("i running") == "1")
        peer.reset()
        wait_until("it has left", lambda: base.server_sockets(address, ["established"]) <= 1)


def time_out_concurrent(options):
    """A concurrent module: what came behind a request that takes too long has its own reply, in
    its place behind the timeout."""
    with Peer(options.address[0]) as peer:
        peer.post("p hold", *["p sleep 100", "i sleep 0"] * 5)
        kinds = peer.take_all()
        require(kinds == ["timeout"] + ["ok"] * 10, "got %s", summary(kinds))
        peer.obey("i release", "p sleep 0")


def time_out_kept(options):
    """A request that is kept too long is answered as timed out; the next one is served."""
    with Peer(options.address[0]) as peer:
        peer.post(options.ask)
        peer.expect_all("timeout")
        peer.obey("i unpark", "p sleep 0", "i sleep 0")


def time_out_mute(options):
    """A module that has no timeout reply: the late request stays without one, the next is
    served."""
    with Peer(options.address[0]) as peer, Peer(options.address[0]) as control:
        peer.post_silent("p hold")
        require(peer.is_silent(options.hold), "something came")
        control.obey("i release")
        peer.obey("i sleep 0", "p sleep 0")


def in_time(options):
    """An inline handler is answered with its own reply, however long it took."""
    with Peer(options.address[0]) as peer:
        peer.obey("i sleep %d" % options.sleep, "i sleep 0")
        peer.obey("p sleep 0")


def deadline(options):
    """A handler sees how much of --most milliseconds is left; 0: it has no deadline."""
    with Peer(options.address[0]) as peer:
        for place in "pi":
            left = peer.ask_for(place + " deadline")
            if options.most == 0:
                require(left == "none", "there is a deadline: %s", left)
            else:
                require(0 < int(left) <= options.most, "%s ms are left", left)


def hang(options):
    """--count clients whose handler never comes back are answered as timed out, one after another;
    another client is served after each."""
    address = options.address[0]
    with Peer(address) as other:
        for _ in range(options.count):
            with Peer(address) as peer:
                peer.post("p hang")
                peer.expect_all("timeout")
            other.obey(*["p sleep 0"] * 10)


def hang_until_replaced(options):
    """Clients hang, one after another, until the worker of --server is replaced: after no fewer
    than --least, no more than --most. It ends although its threads never come back."""
    address = options.address[0]
    old = children(options.server)[0]
    hung = []
    while children(options.server) == [old]:
        require(len(hung) < options.most, "not replaced after %d", len(hung))
        peer = Peer(address)
        peer.post("p hang")
        peer.expect_all("timeout")
        hung.append(peer)
        if len(hung) >= options.least:
            wait_briefly(lambda: children(options.server) != [old])
    require(len(hung) >= options.least, "replaced after %d", len(hung))
    with Peer(address) as new:
        new.obey(*["p sleep 0", "i sleep 0"] * 5)
    wait_until("the old worker is gone", lambda: process_state(old) in "XZ")
    with Peer(address) as new:
        new.obey(*["p sleep 0", "i sleep 0"] * 5)
    print(len(hung))


def wait_briefly(is_true):
    try:
        wait_until("it is so", is_true, patience=1)
    except Failure:
        pass


# Kept requests and unasked messages


def keep(options):
    """Kept requests, inline and in the pool, small and large, are answered in their place."""
    with Peer(options.address[0]) as peer:
        large = " " + "k" * 100000
        peer.post("i keep 20000", "i sleep 0", "p keep 10000", "p sleep 0", "i keep 5000" + large,
                  "p keep 2000" + large, "i keep 0", "p keep 0", "p sleep 0")
        peer.expect_all()


def keep_many(options):
    """--connections, on each --count requests that are kept for a random time in a --places drawn
    by lot: each reply is right and in order."""
    address = options.address[0]

    def run(index):
        source = random.Random(options.seed * 1000 + index)
        with Peer(address) as peer:
            peer.post(*["%s keep %d" % (source.choice(options.places), source.randrange(3000))
                        for _ in range(options.count)])
            peer.expect_all()

    in_parallel(options.connections, run)


def keep_dropped(options):
    """A dropped request has no reply, and what follows it has."""
    with Peer(options.address[0]) as peer:
        for place in "ip":
            peer.post_silent(place + " drop 10000")
            peer.post("i sleep 0", "p sleep 0")
        peer.expect_all()


def keep_bye(options):
    """A kept request of a handler that closes is answered before the end."""
    for place in "ip":
        with Peer(options.address[0]) as peer:
            peer.obey(place + " keepbye 50000")
            peer.expect_end()


def leave_running(options):
    """Clients are reset while their handlers run; those have nobody to answer."""
    address = options.address[0]
    control, holders = hold_threads(address, options.threads)
    for holder in holders:
        holder.reset()
    wait_until("they have left", lambda: base.server_sockets(address, ["established"]) <= 1)
    control.obey("i sleep 0", "i release", "p sleep 0")


def park(options):
    """Prints a line when a request is kept, then waits for the end, before which nothing comes."""
    with Peer(options.address[0]) as peer:
        peer.post_silent(options.ask)
        with Peer(options.address[0]) as control:
            control.obey("p sleep 0", "i sleep 0")
        print("parked", flush=True)
        expect_broken(peer)


def leave(options):
    """Clients leave, in order or not, while requests of theirs are kept; then those are answered.
    The worker lives."""
    address = options.address[0]
    with Peer(address) as control:
        worker = children(options.server)
        for place in "ip" * options.count:
            for ends in (Peer.reset, Peer.close):
                peer = Peer(address)
                peer.obey("i sleep 0")
                peer.post(place + " park")
                control.obey("p sleep 0", "i sleep 0")
                ends(peer)
        wait_until("all have left", lambda: base.server_sockets(address, ["established"]) <= 1)
        control.obey("p sleep 0", "i sleep 0")
        control.obey("i unpark", "p sleep 0")
        require(children(options.server) == worker, "the worker was replaced")


def values(options):
    """Each --values, REQUEST=ANSWER, in its turn on one connection."""
    with Peer(options.address[0]) as peer:
        for pair in options.values:
            request, _, answer = pair.partition("=")
            value = peer.ask_for(request)
            require(value == answer, "%s gave %.60r", request, value)


def build(options):
    """Replies of each of --sizes that are built in reserved memory, inline and pooled, with
    messages before and behind them: each byte is right. What is reserved in vain does no harm."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    with Peer(options.address[0]) as peer:
        for place in "ip":
            requests = [("%s build %d" % (place, size), (letters * (size // 26 + 1))[:size])
                        for size in options.sizes]
            waste = ["%s waste %d" % (place, size) for size in options.sizes]
            for group in (requests, waste, requests + waste + requests):
                peer.post("p sleep 0", *group, "i sleep 0")
                peer.expect_all()


def push(options):
    """A thread of the module sends --count messages that nobody asked for: they come in order,
    beside replies."""
    with Peer(options.address[0]) as peer:
        peer.post("p push %d" % options.count, *["p sleep 50"] * 20)
        expected = ["push %d" % (i + 1) for i in range(options.count)]
        while expected or peer.due:
            reply = peer.reply().decode()
            if reply.startswith("push "):
                require(expected and reply == expected[0], "got %s", reply)
                expected.pop(0)
            else:
                require(peer.due and reply.encode() == peer.due[0][1], "got %s", reply)
                peer.due.popleft()


def greet(options):
    """A module sends from its callback `opened`: it comes before anything else."""
    with Peer(options.address[0]) as peer:
        peer.expect_message("welcome")
        peer.obey("i sleep 0", "p sleep 0")


def send(options):
    """A handler sends to another connection, which also goes on asking; then to one that is
    gone."""
    with Peer(options.address[0]) as one, Peer(options.address[0]) as other:
        target = other.ask_for("i id")
        for place in "pi":
            value = one.ask_for("%s send %s hello from %s" % (place, target, place))
            require(value == "0", "send gave %s", value)
            other.expect_message("hello from " + place)
            other.obey("p sleep 0", "i sleep 0")
        other.close()
        for command in ("send %s hello", "close %s", "quiet %s 1000"):
            for place in "pi":
                wait_until(command + " says that it is gone",
                           lambda: one.ask_for(place + " " + command % target) == "-3")
        for wrong in ("0", "1", "18446744073709551615"):
            value = one.ask_for("p send %s hello" % wrong)
            require(value == "-3", "send to %s gave %s", wrong, value)


def foreign(options):
    """The id of a connection of the second address is no connection for the service at the
    first."""
    with Peer(options.address[0]) as one, Peer(options.address[1]) as other:
        target = other.ask_for("i id")
        for place in "pi":
            for command in ("send %s hello", "close %s", "quiet %s 1"):
                value = one.ask_for(place + " " + command % target)
                require(value == "-3", "%s gave %s", command, value)
        other.obey("p sleep 0", "i sleep 0")


def good_bye(options):
    """--connections, some of which have said nothing. Prints a line; then each gets the good-bye
    and the end."""
    peers = [Peer(options.address[0]) for _ in range(options.connections)]
    for peer in peers[::2]:
        peer.obey("p sleep 0", "i sleep 0")
    wait_until("all are accepted", lambda: base.server_sockets(
        options.address[0], ["established"]) == len(peers))
    peers[0].obey(*["i sleep 0"] * len(peers))
    print("connected", flush=True)
    for peer in peers:
        expect_goodbye(peer)


def unread(options):
    """Asks for a reply of --size bytes and does not read it at first: prints a line once it has begun
    to come. After --hold seconds it reads: the whole reply is right. With --stay it gets the good-bye
    and the end then, else it is served on. Heartbeats may have come before the reply."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    expected = "p1 " + (letters * (options.size // 26 + 1))[:options.size]
    with Peer(options.address[0], receive_buffer=8192) as peer:
        peer.post_silent("p build %d" % options.size)
        require(not peer.is_silent(base.PATIENCE), "nothing came")
        print("begun", flush=True)
        base.time.sleep(options.hold)
        while (reply := peer.reply()) == b"heartbeat":
            pass
        require(reply == expected.encode(), "got %.60r, %d bytes", reply, len(reply))
        if options.stay:
            expect_goodbye(peer)
        else:
            peer.obey("i sleep 0")


def unread_at_term(options):
    """Asks for a reply of --size bytes behind one that takes --sleep microseconds, prints a line, and
    reads only --hold seconds later, when the server has been told to end: both are right, then
    come the good-bye and the end."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    expected = "p2 " + (letters * (options.size // 26 + 1))[:options.size]
    address = options.address[0]
    with Peer(address, receive_buffer=8192) as peer:
        peer.post("p sleep %d" % options.sleep)
        peer.post_silent("p build %d" % options.size)
        with Peer(address) as control:
            wait_until("it runs", lambda: control.ask_for("i running") == "1")
        print("posted", flush=True)
        base.time.sleep(options.hold)
        peer.expect_all()
        reply = peer.reply()
        require(reply == expected.encode(), "got %.60r, %d bytes", reply, len(reply))
        expect_goodbye(peer)


def leave_with_queue(options):
    """A client is reset while one request of it runs and two wait."""
    address = options.address[0]
    with Peer(address) as control:
        peer = Peer(address)
        peer.post("p hold", "p sleep 0", "p sleep 0")
        wait_until("the first is held", lambda: control.held() == 1)
        peer.reset()
        wait_until("it has left", lambda: base.server_sockets(address, ["established"]) <= 1)
        control.obey("i release", "p sleep 0")


def send_self(options):
    """What a handler sends to its own connection comes too."""
    with Peer(options.address[0]) as peer:
        target = peer.ask_for("i id")
        for place in "pi":
            peer.post(("%s send %s hello" % (place, target), "0"))
            got = sorted([peer.reply(), peer.reply()])
            require(got == sorted([b"hello", peer.due.popleft()[1]]), "got %s", got)


def flood_inline(options):
    """A handler on the loop sends without end: it is told that too much waits for the loop."""
    with Peer(options.address[0]) as one, Peer(options.address[0]) as other:
        target = other.ask_for("i id")
        value = one.ask_for("i flood %s %d 65536" % (target, options.count))
        require(value == "-6", "the flood ended with %s", value)
        one.obey("p sleep 0", "i sleep 0")


def flood(options):
    """A module sends without end to a client that does not read: it is closed at last, and another
    client has noticed nothing."""
    with Peer(options.address[0]) as other, \
            Peer(options.address[0], receive_buffer=8192) as deaf:
        target = deaf.ask_for("i id")
        value = other.ask_for("p flood %s %d 65536" % (target, options.count))
        require(value == "-3", "the flood ended with %s", value)
        expect_broken(deaf)
        other.obey("p sleep 0", "i sleep 0")


def close(options):
    """A module closes a connection by its id: the replies to what is under way come first."""
    address = options.address[0]
    with Peer(address) as control, Peer(address) as peer:
        target = peer.ask_for("i id")
        peer.post("p hold")
        wait_until("it is dispatched", lambda: control.routed() == 1)
        value = control.ask_for("i close " + target)
        require(value == "0", "close gave %s", value)
        control.obey("i release")
        peer.expect_all()
        peer.expect_end()
    with Peer(address) as control, Peer(address) as peer:
        target = peer.ask_for("i id")
        value = control.ask_for("p close " + target)
        require(value == "0", "close gave %s", value)
        peer.expect_end()


def send_and_close(options):
    """What a module sends just before it closes the connection arrives before the end."""
    address = options.address[0]
    for _ in range(options.count):
        with Peer(address) as control, Peer(address) as peer:
            target = peer.ask_for("i id")
            control.post(("i send %s farewell" % target, "0"), ("i close " + target, "0"))
            control.expect_all()
            peer.expect_message("farewell")
            peer.expect_end()


def ask_on(options):
    """A client whose request sleeps for --sleep microseconds prints a line, sends another one when it is
    told to by one on standard input, and gets one reply, the good-bye and the end."""
    with Peer(options.address[0]) as peer:
        peer.post("p sleep %d" % options.sleep)
        with Peer(options.address[0]) as control:
            wait_until("it runs", lambda: control.ask_for("i running") == "1")
        print("posted", flush=True)
        sys.stdin.readline()
        peer.send(peer.framing.frame(b"p too late"))
        print("sent", flush=True)
        peer.expect_all()
        expect_goodbye(peer)


def idle(options):
    """Says --ask, then nothing: closed in order, when another client that said nothing at all has
    been closed (--after) or before (not)."""
    address = options.address[0]
    with Peer(address) as other, Peer(address) as peer:
        peer.obey(*options.ask.split(","))
        first, second = (other, peer) if options.after else (peer, other)
        first.expect_end()
        require(not second.has_ended(), "both were closed")
        second.obey("i sleep 0", "p sleep 0")


# Ends


def full_queue(options):
    """Prints a line when --connections wait in a full queue, with --threads held. Then waits for a
    line; then each connection gets all its replies, and ends in order (--ends), or ends
    somehow."""
    address = options.address[0]
    control, holders = hold_threads(address, options.threads)
    peers = [Peer(address) for _ in range(options.connections)]
    for peer in peers:
        peer.post(*["p sleep 100"] * options.count)
    control.wait_routed(options.threads + options.queue)
    control.obey("i sleep 0")
    # A server that drains takes no new message, but the rest of one that has begun.
    release = control.prepare("i release")
    control.send(release[:-1])
    Peer(address).obey("i sleep 0")
    print("full", flush=True)
    if sys.stdin.readline().strip() == "release":
        control.send(release[-1:])
        for peer in [control, *holders, *peers]:
            peer.expect_all()
            expect_goodbye(peer)
    else:
        for peer in [control, *holders, *peers]:
            expect_broken(peer)
        with Peer(address) as new:
            wait_until("the service goes on", lambda: goes_on(address))
            new.close()


def expect_goodbye(peer):
    peer.expect_message("goodbye")
    peer.expect_end()


def expect_broken(peer):
    try:
        while peer.receive():
            pass
    except Failure as failure:
        require("reset" in str(failure), "%s", failure)


def goes_on(address):
    try:
        with Peer(address) as peer:
            peer.obey("i sleep 0", "i release", "p sleep 0")
            return True
    except (Failure, OSError):
        return False


def resets(options):
    """--connections with a full queue are reset, the held ones too, while their handlers run; then
    those end. The worker lives and serves."""
    address = options.address[0]
    worker = children(options.server)
    control, holders = hold_threads(address, options.threads)
    peers = [Peer(address) for _ in range(options.connections)]
    for peer in peers:
        peer.post(*["p sleep 100"] * options.count)
    control.wait_routed(options.threads + min(options.queue, options.connections * options.count))
    for peer in [*peers, *holders]:
        peer.reset()
    control.obey(*["i sleep 0"] * 20)
    control.obey("i release", "p sleep 0", "i sleep 0")
    wait_until("all have left", lambda: base.server_sockets(
        address, ["established", "close-wait"]) <= 1)
    control.obey("p sleep 0", "i sleep 0")
    require(children(options.server) == worker, "the worker was replaced")


def chaos(options):
    """For --hold seconds --connections at a time do anything at random, and break off at random. What
    they get is not looked at; afterwards another client is served by the same worker."""
    address = options.address[0]
    worker = children(options.server)
    end = now() + options.hold
    ids = ["1"]

    def run(index):
        source = random.Random(options.seed * 1000 + index)
        while now() < end:
            peer = Peer(address)
            with contextlib.suppress(OSError, Failure):
                ids.append(peer.ask_for("i id"))
            with contextlib.suppress(OSError, Failure):
                misbehave(peer, source, ids, end)
            peer.reset() if source.random() < 0.5 else peer.close()

    in_parallel(options.connections, run)
    with Peer(address) as control:
        control.obey("i unpark", "p sleep 0", "i sleep 0")
    require(children(options.server) == worker, "the worker was replaced")


def misbehave(peer, source, ids, end):
    commands = [
        "sleep 0", "sleep 300", "sleep 3000", "keep 0", "keep 500", "keepbye 300", "park", "unpark",
        "drop 0", "drop 500", "silent", "twice", "answered", "build 10", "build 100000",
        "waste 5000", "push 3", "idle 1000", "set 1", "get", "log x", "send ID hello", "quiet ID 5",
        "close ID", "flood ID 20 10000", "echo " + "e" * 30000]
    peer.socket.settimeout(5)
    for _ in range(source.randrange(1, 30)):
        if now() > end:
            return
        some = [source.choice("iphnl") + " " + source.choice(commands).replace("ID", source.choice(ids))
                for _ in range(source.choice([1, 2, 5, 70]))]
        if source.random() < 0.03:
            some.append("p bye")
        peer.post(*some)
        if source.random() < 0.1:
            peer.socket.shutdown(base.socket.SHUT_WR)
        while source.random() < 0.7 and select.select([peer.socket], [], [], 0.01)[0]:
            if not peer.socket.recv(1 << 16):
                return


# Heartbeats


def beats(options):
    """Says nothing: --count heartbeats come, each no sooner than --minimum seconds after the last.
    To each one the client answers."""
    with Peer(options.address[0]) as peer:
        peer.obey("i sleep 0")
        last = now()
        for _ in range(options.count):
            peer.expect_message("heartbeat")
            require(now() - last >= options.minimum, "after %.3f s", now() - last)
            last = now()
            peer.obey("p sleep 0")


def dead(options):
    """Does not answer the heartbeat: is closed."""
    with Peer(options.address[0]) as peer:
        if options.ask:
            peer.obey(*options.ask.split(","))
        peer.expect_message("heartbeat")
        while (got := peer.receive()):
            require(got == FRAMING.frame(b"heartbeat"), "got %.60r", got)


def lively(options):
    """Asks all the time for --hold seconds: no heartbeat comes."""
    end = now() + options.hold
    with Peer(options.address[0]) as peer:
        while now() < end:
            peer.obey("i sleep 20000")


# The log


def ask(options):
    """Each of --ask, which are answered with themselves, in turns on one connection."""
    with Peer(options.address[0]) as peer:
        for each in options.ask.split(","):
            peer.obey(each)


def identified(options):
    """The same; prints the connection's id as the log has it."""
    with Peer(options.address[0]) as peer:
        print("%016x" % int(peer.ask_for("i id")))
        for each in options.ask.split(","):
            peer.obey(each)


def forget(options):
    """A request that the module never answers. Prints the connection's id as the log has it, and,
    if it is to --stay, sees its end."""
    with Peer(options.address[0]) as peer:
        connection = int(peer.ask_for("i id"))
        peer.post_silent(options.ask)
        with Peer(options.address[0]) as control:
            control.obey("p sleep 0", "i sleep 0")
        print("%016x" % connection, flush=True)
        if options.stay:
            peer.expect_end()


SUBCOMMANDS = {
    function.__name__.replace("_", "-"): function for function in (
        order, bursts, state, overtake, window, places, half_close,
        share, share_of_flood, urgent,
        wait, paused_order, newcomers, bye_while_paused, shed, shed_behind_own, shed_flood, apart, mute, heads,
        full_queue_memory, behind_bye,
        time_out, slow_down, beside_slow, quick_before_long, hang_and_leave, leave_one_running, leave_with_queue, unread_at_term, send_and_close, ask_on, expire_queued, expire_paused, batch, time_out_concurrent, time_out_kept,
        time_out_mute,
        in_time, deadline, hang, hang_until_replaced,
        keep, keep_many, keep_dropped, keep_bye, leave, values, build, push, greet, send, send_self,
        foreign, good_bye, leave_running, park, unread,
        flood, flood_inline, close, idle,
        full_queue, resets, chaos,
        beats, dead, lively,
        ask, identified, forget,
    )
}


OPTIONS = {
    "connections": (int, 1, "connections"),
    "count": (int, 200, "requests a connection, or what the subcommand says"),
    "sleep": (int, 2000, "microseconds of a handler"),
    "size": (base.size, 100, "bytes of a message"),
    "places": (str, "p", "letters to draw from"),
    "least": (int, 1, "lower bound"),
    "most": (int, 1, "upper bound"),
    "minimum": (float, 0, "lower bound in seconds"),
    "hold": (float, 1, "seconds"),
    "pipeline": (int, 64, "max_pipeline of the server"),
    "queue": (int, 0, "queue_length of the server"),
    "threads": (int, 1, "threads of the server"),
    "server": (int, 0, "pid of the master"),
    "grow": (base.size, 0, "bytes by which memory may grow"),
    "shares": (str, "16:1", "weights of the places"),
    "where": (str, "", "places, as POOLED,INLINE"),
    "kinds": (str, "ok", "of replies, separated by commas"),
    "ask": (str, "", "requests, separated by commas"),
}


def parse():
    parser = base.parser_of(__doc__, SUBCOMMANDS, OPTIONS)
    parser.add_argument("--values", action="append", help="REQUEST=ANSWER")
    parser.add_argument("--sizes", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--after", action="store_true", help="it is the second to be closed")
    parser.add_argument("--stay", action="store_true", help="until the server closes")
    return parser.parse_args()


def main():
    options = parse()
    base.run("pipeline.py", options, lambda: SUBCOMMANDS[options.subcommand](options))


if __name__ == "__main__":
    main()
