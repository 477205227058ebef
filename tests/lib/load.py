#!/usr/bin/python3
"""Clients that check every reply by content and order.

    load.py run ADDRESS [--connections N] [--short N] [--depth N] [--largest BYTES] [--reconnect]

A closed loop: each connection keeps DEPTH requests under way. The short ones among them, N besides
the others, close after a few replies and connect again. Prints "warm" once each connection has had
some replies; on SIGUSR1 it finishes what is under way and closes. At the end of the last connection
it prints counts as key=value lines (see Outcome).

With --reconnect a connection that the server has ended in order is no end: it connects again, and
sends what has no reply yet again.

    load.py talk ADDRESS [--tag]

Does what the lines of its standard input say (see Talk) and answers each with a line that begins
with "ok" or "error". With --tag it expects "worker-N:" before each reply.
"""
import argparse
import collections
import selectors
import signal
import socket
import struct
import sys
import time

PATIENCE = 30  # seconds
WARM = 20      # replies a connection


def connect(address, rcvbuf=0, patience=PATIENCE):
    if address.startswith("unix:"):
        family, target = socket.AF_UNIX, address[len("unix:"):]
    else:
        host, port = address.rsplit(":", 1)
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        target = (host.strip("[]"), int(port))
    sock = socket.socket(family, socket.SOCK_STREAM)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.settimeout(patience)
    sock.connect(target)
    return sock


def frame(payload):
    return struct.pack(">I", len(payload)) + payload


class Frames:
    """Cuts a stream of bytes into payloads."""

    def __init__(self):
        self.data = bytearray()

    def add(self, data):
        self.data += data
        while len(self.data) >= 4:
            size = struct.unpack_from(">I", self.data)[0]
            if len(self.data) < 4 + size:
                return
            payload = bytes(self.data[4:4 + size])
            del self.data[:4 + size]
            yield payload


class Outcome:
    """How it went, all connections together."""

    def __init__(self):
        self.counts = dict.fromkeys((
            "connections",
            "answered",    # replies that were right and in their turn
            "wrong",       # other replies
            "doubled",     # of them: that had come before
            "unanswered",  # requests without a reply at the end
            "cut",         # connections that ended within a reply
            "eof",         # that the server ended in order
            "reset",       # that it did not
            "refused",     # that did not come about
            "done",        # that this side ended, all answered
            "short",       # of short ones: that it ended after a few replies, to connect again
            "reconnected", # with --reconnect, that the server ended in order
            "retried",     # requests sent again because of that
        ), 0)

    def count(self, key, by=1):
        self.counts[key] += by

    def show(self):
        for key, value in self.counts.items():
            print(f"{key}={value}")


class Loop:
    """One connection of the closed loop, or several of them one after the other."""

    def __init__(self, run, number, short=False):
        self.run, self.number, self.short = run, number, short
        self.sent, self.answered = 0, 0
        self.promised = 0  # requests that are to be answered in the end
        self.limit = sys.maxsize
        self.finishing = False

    def open(self):
        if self.short:
            self.limit = max(self.promised, self.sent + 1 + (self.number + self.sent) % 4)
        self.frames, self.output = Frames(), bytearray()
        try:
            self.sock = connect(self.run.args.address)
        except OSError:
            self.leave("refused")
            return
        self.sock.setblocking(False)
        self.run.selector.register(self.sock, selectors.EVENT_READ, self)
        self.fill()

    def payload(self, number):
        head = b"%d:%d:" % (self.number, number)
        size = (self.number * 7919 + number * 104729) % self.run.args.largest
        return head.ljust(size, b"%c" % (97 + number % 26))

    def may_send(self):
        last = self.promised if self.finishing else self.limit
        return self.sent < last and self.sent - self.answered < self.run.args.depth

    def fill(self):
        while self.may_send():
            self.output += frame(self.payload(self.sent))
            self.sent += 1
        self.promised = max(self.promised, self.sent)
        self.flush()

    def flush(self):
        try:
            while self.output:
                del self.output[:self.sock.send(self.output)]
        except BlockingIOError:
            pass
        except OSError:
            self.end("reset")
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.output else 0)
        self.run.selector.modify(self.sock, events, self)

    def take(self, reply):
        right = self.answered < self.sent and reply == self.payload(self.answered)
        if not right and reply.startswith(b"%d:" % self.number):
            sequence = int(reply.split(b":")[1])
            self.run.outcome.count("doubled", 1 if sequence < self.answered else 0)
        self.answered += 1
        self.run.outcome.count("answered" if right else "wrong")

    def receive(self):
        try:
            data = self.sock.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            self.end("reset")
            return
        if not data:
            self.ended_by_server()
            return
        for reply in self.frames.add(data):
            self.take(reply)
        if self.answered < self.sent:
            self.fill()
        elif self.finishing and self.answered == self.promised:
            self.end("done")
        elif self.sent >= self.limit:
            self.end_short()
        else:
            self.fill()

    def ended_by_server(self):
        if not self.run.args.reconnect or self.frames.data:
            self.end("eof")
            return
        self.run.outcome.count("reconnected")
        self.run.outcome.count("retried", self.sent - self.answered)
        self.close()
        self.sent = self.answered
        if self.finishing and self.answered == self.promised:
            self.leave("done")
        else:
            self.open()

    def end_short(self):
        self.run.outcome.count("short")
        self.close()
        self.open()

    def finish(self):
        self.finishing = True
        if self.answered == self.sent:
            self.end("done")

    def close(self):
        self.run.selector.unregister(self.sock)
        self.sock.close()

    def end(self, how):
        self.run.outcome.count("cut", 1 if self.frames.data else 0)
        self.close()
        self.leave(how)

    def leave(self, how):
        self.run.outcome.count(how)
        self.run.outcome.count("unanswered", self.sent - self.answered)
        self.run.loops.discard(self)


class Run:
    def __init__(self, args):
        self.args = args
        self.selector = selectors.DefaultSelector()
        self.outcome = Outcome()
        self.finish_wanted = False
        signal.signal(signal.SIGUSR1, self.want_finish)
        self.loops = set()
        for number in range(args.connections + args.short):
            loop = Loop(self, number, short=number >= args.connections)
            self.loops.add(loop)
            self.outcome.count("connections")
            loop.open()

    def want_finish(self, *_):
        self.finish_wanted = True

    def is_warm(self):
        return all(loop.answered >= WARM for loop in self.loops)

    def turn(self):
        for key, events in self.selector.select(0.1):
            loop = key.data
            if events & selectors.EVENT_READ:
                loop.receive()
            if events & selectors.EVENT_WRITE and loop in self.loops:
                loop.flush()
        if self.finish_wanted:
            self.finish_wanted = False
            for loop in list(self.loops):
                loop.finish()

    def go(self):
        warm = False
        while self.loops:
            self.turn()
            if not warm and self.is_warm():
                warm = True
                print("warm", flush=True)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # it may still come while this exits
        self.outcome.show()


class Client:
    """One connection of a talk."""

    def __init__(self, talk, number):
        self.talk, self.number = talk, number
        self.sock = connect(talk.args.address, talk.args.rcvbuf)
        self.expected = collections.deque()
        self.frames, self.worker = Frames(), None
        self.sequence, self.answered = 0, 0
        self.rest = b""
        self.ended = None  # "eof", "cut" (end of file within a reply), "reset"

    def payload(self, size):
        self.sequence += 1
        head = b"c%d m%d " % (self.number, self.sequence)
        return head.ljust(size, b"x")

    def send(self, payload, answered=True):
        if answered:
            self.expected.append(payload)
        self.sock.sendall(frame(payload))

    def begin(self, size):
        payload = self.payload(size)
        data = frame(payload)
        cut = len(data) // 2 if self.talk.cut is None else self.talk.cut
        self.sock.sendall(data[:cut])
        self.rest = data[cut:]
        self.expected.append(payload)

    def finish(self):
        try:
            self.sock.sendall(self.rest)
        except OSError:
            pass  # receiving says how it ended
        self.rest = b""

    def take(self, reply):
        if self.talk.args.tag:
            tag, reply = reply.split(b":", 1)
            self.worker = int(tag.removeprefix(b"worker-"))
        if not self.expected:
            raise ValueError(f"connection {self.number}: a reply too many: {reply[:60]}")
        expected = self.expected.popleft()
        if reply != expected:
            raise ValueError(f"connection {self.number}: {reply[:60]} for {expected[:60]}")
        self.answered += 1

    def receive(self, largest=262144):
        try:
            data = self.sock.recv(largest)
        except (ConnectionResetError, BrokenPipeError):
            self.end("reset")
            return
        if not data:
            self.end("cut" if self.frames.data else "eof")
            return
        for reply in self.frames.add(data):
            self.take(reply)

    def end(self, how):
        self.ended = how
        self.sock.close()

    def ping(self):
        try:
            self.send(self.payload(0))
        except OSError:
            pass  # receiving says how it ended
        while self.expected and not self.ended:
            self.receive()

    def seems_ended(self):
        """Whether the server has ended it, without waiting. Only between requests."""
        if not self.ended:
            self.sock.setblocking(False)
            try:
                self.receive()
            except BlockingIOError:
                pass
        if not self.ended:
            self.sock.settimeout(PATIENCE)
        return self.ended


def summary(pairs):
    counts = collections.Counter(pairs)
    return " ".join(f"{key}={counts[key]}" for key in sorted(counts))


class Talk:
    """The commands. They act on all connections that have not ended."""

    def __init__(self, args):
        self.args = args
        self.clients = []
        self.cut = None

    def living(self):
        return [client for client in self.clients if not client.ended]

    def do_open(self, count):
        """open N: that many connections more, each with one request answered."""
        for _ in range(int(count)):
            client = Client(self, len(self.clients))
            client.ping()
            if client.ended:
                raise ValueError(f"connection {client.number} ended: {client.ended}")
            self.clients.append(client)
        return count

    def do_connect(self, count):
        """connect N: that many connections more, of which nothing is asked yet."""
        for _ in range(int(count)):
            self.clients.append(Client(self, len(self.clients)))
        return count

    def do_fill(self):
        """fill: as many more as are let in; says how many that were."""
        count = 0
        while True:
            client = Client(self, len(self.clients))
            client.ping()
            if client.ended:
                client.sock.close()
                return str(count)
            self.clients.append(client)
            count += 1

    def do_try(self):
        """try: whether a connection is taken, and served."""
        try:
            sock = connect(self.args.address)
        except (ConnectionRefusedError, FileNotFoundError):
            return "refused"
        try:
            sock.settimeout(1)
            sock.sendall(frame(b"anybody there?"))
            return "served" if sock.recv(1) else "eof"
        except TimeoutError:
            return "hangs"
        except OSError:
            return "reset"
        finally:
            sock.close()

    def do_send(self, count, size="0"):
        """send N [SIZE]: N requests on each."""
        for client in self.living():
            for _ in range(int(count)):
                client.send(client.payload(int(size)))
        return count

    def do_extra(self, size="0"):
        """extra [SIZE]: a request on each that must not be answered any more."""
        for client in self.living():
            client.send(client.payload(int(size)), answered=False)
        return ""

    def do_begin(self, size, cut=None):
        """begin SIZE [CUT]: the first CUT bytes (or half) of a request's frame on each."""
        self.cut = int(cut) if cut else None
        for client in self.living():
            client.begin(int(size))
        return ""

    def do_begin_each(self, size):
        """begin_each SIZE: the same, cut after another byte on each: the first, the second ..."""
        for cut, client in enumerate(self.living(), 1):
            self.cut = cut
            client.begin(int(size))
        return ""

    def do_finish(self):
        """finish: the rest of them."""
        for client in self.living():
            client.finish()
        return ""

    def do_ask(self, payload, size):
        """ask PAYLOAD SIZE: a request for SIZE bytes 'x'; waits for the reply's first byte."""
        for client in self.living():
            client.send(payload.encode() + b" " + size.encode(), answered=False)
            client.expected.append(b"x" * int(size))
            client.receive(1)
        return ""

    def do_ping(self):
        """ping: one request on each; says how many are alive."""
        for client in self.living():
            client.ping()
        return summary("alive" if not client.ended else client.ended for client in self.clients)

    def do_say(self, payload, count="1"):
        """say PAYLOAD [COUNT]: that request on the first one, or so many; waits for the replies."""
        for client in self.living()[:int(count)]:
            client.send(payload.encode())
            while client.expected and not client.ended:
                client.receive()
        return ""

    def do_replies(self):
        """replies: waits for all replies that are due."""
        for client in self.living():
            while client.expected and not client.ended:
                client.receive()
        missing = sum(len(client.expected) for client in self.clients)
        answered = sum(client.answered for client in self.clients)
        return f"answered={answered} missing={missing}"

    def do_end(self, nap_ms="0"):
        """end [NAP]: reads all to their end, with NAP milliseconds after each 64 KB."""
        for client in self.clients:
            while not client.ended:
                client.receive(65536 if int(nap_ms) else 262144)
                time.sleep(int(nap_ms) / 1000)
        return summary(client.ended for client in self.clients) + " missing=" + str(
            sum(len(client.expected) for client in self.clients))

    def do_ended(self):
        """ended: how many have ended by now, and how."""
        return summary(client.seems_ended() or "alive" for client in self.clients)

    def do_workers(self):
        """workers: which worker serves how many; with --tag."""
        return summary(f"{client.worker}" for client in self.living())

    def do_close(self):
        """close: closes all."""
        for client in self.clients:
            client.sock.close()
            client.ended = client.ended or "closed"
        self.clients.clear()
        return ""

    def obey(self, line):
        name, *words = line.split()
        return getattr(self, "do_" + name)(*words)

    def go(self):
        for line in sys.stdin:
            try:
                print("ok", self.obey(line), flush=True)
            except Exception as error:
                print("error", f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("run", "talk"))
    parser.add_argument("address")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--largest", type=int, default=4000)
    parser.add_argument("--short", type=int, default=0)
    parser.add_argument("--reconnect", action="store_true")
    parser.add_argument("--tag", action="store_true")
    parser.add_argument("--rcvbuf", type=int, default=0)
    args = parser.parse_args()
    (Run if args.mode == "run" else Talk)(args).go()


if __name__ == "__main__":
    main()
