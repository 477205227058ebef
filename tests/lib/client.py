#!/usr/bin/python3
"""A client for what preforkcat cannot do: where bytes are cut, who does not read, who breaks off,
and many connections at once. It talks to an echo server, checks every byte of the replies, and
ends with 0 if all was as it must be, else with 1 and a line that says what was not.

    client.py SUBCOMMAND [options] ADDRESS [ADDRESS ...]

See --help for the subcommands. Written apart from the program's own codec, on purpose. Whatever is
waited for is waited for by its state, and --deadline ends everything.
"""

import argparse
import contextlib
import os
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from fcntl import ioctl

PATIENCE = 30  # seconds within which one step must have happened on a slow machine
CHUNK = 1 << 16
IP_BIND_ADDRESS_NO_PORT = 24  # of <linux/in.h>


class Failure(Exception):
    """What the test is to say."""


def require(truth, message, *values):
    if not truth:
        raise Failure(message % values if values else message)


def now():
    return time.monotonic()


def wait_until(what, is_true, patience=PATIENCE, turn=0.005):
    """Polls until is_true(), whose value is returned."""
    end = now() + patience
    while not (value := is_true()):
        require(now() < end, "gave up after %d s waiting until %s", patience, what)
        time.sleep(turn)
    return value


# Frames and addresses


class Framing:
    """Frames of a length, as preforkd.conf(5) has them. The message is what stands before the
    length, and what follows it."""

    def __init__(self, options):
        self.length_bytes = options.length_bytes
        self.byte_order = options.byte_order
        self.offset = options.length_offset
        self.adjust = options.length_adjust

    def header(self, length):
        """What stands before the rest of a frame that announces this length."""
        return b"h" * self.offset + self.field(length)

    def field(self, length):
        if self.length_bytes != "varint":
            return length.to_bytes(int(self.length_bytes), self.byte_order)
        groups = [length >> shift & 127 for shift in range(0, max(length.bit_length(), 1), 7)]
        return bytes([group | 128 for group in groups[:-1]] + groups[-1:])

    def frame(self, message):
        head, body = message[:self.offset], message[self.offset:]
        return head + self.field(len(body) - self.adjust) + body

    def read(self, client):
        """The next message."""
        head = client.receive_exactly(self.offset)
        size = self.read_field(client) + self.adjust
        return head + client.receive_exactly(size)

    def read_field(self, client):
        if self.length_bytes != "varint":
            return int.from_bytes(client.receive_exactly(int(self.length_bytes)), self.byte_order)
        length = shift = 0
        while True:
            byte = client.receive_exactly(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return length

    def carried(self, body):
        """A message that the framing can carry, with BODY at its end."""
        return b"H" * self.offset + b"B" * max(self.adjust, 0) + body


class LineFraming:
    """Lines, ended by --end; "mixed": by LF or CRLF, by their size."""

    def __init__(self, options):
        self.end = options.end

    def end_of(self, message):
        crlf = self.end == "crlf" or self.end == "mixed" and len(message) % 2 == 1
        return b"\r\n" if crlf else b"\n"

    def frame(self, message):
        return message + self.end_of(message)

    def read(self, client):
        line = bytearray()
        while not line.endswith(b"\n"):
            line += client.receive_exactly(1)
        return bytes(line[:-2] if line.endswith(b"\r\n") else line[:-1])

    def carried(self, body):
        """A bare CR is data, but for the last of a line that ends with LF."""
        body = body.replace(b"\n", b"N")
        return body[:-1] + b"R" if body.endswith(b"\r") else body


def parse_address(text):
    """The family and address of HOST:PORT, [IPV6]:PORT or unix:PATH."""
    if text.startswith("unix:"):
        return socket.AF_UNIX, text[len("unix:"):]
    host, _, port = text.rpartition(":")
    if host.startswith("["):
        return socket.AF_INET6, (host[1:-1], int(port))
    return socket.AF_INET, (host, int(port))


class Client:
    """A blocking connection. Each step has its own patience."""

    def __init__(self, address, framing, receive_buffer=0, send_buffer=0, source=""):
        family, self.peer = parse_address(address)
        self.framing = framing
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if send_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(self.peer)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes in a way that the server sees as a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, size=CHUNK):
        """Some bytes; none at end of file."""
        try:
            return self.socket.recv(size)
        except ConnectionResetError as error:
            raise Failure("the server reset the connection") from error
        except TimeoutError as error:
            raise Failure("nothing came from the server for %d s" % PATIENCE) from error

    def receive_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            got = self.receive(size - len(data))
            require(got, "end of file after %d of %d bytes", len(data), size)
            data += got
        return bytes(data)

    def reply(self):
        return self.framing.read(self)

    def ask(self, payload=b"ping"):
        """Sends a message; returns the tag before the reply, which must end with it."""
        payload = self.framing.carried(payload)
        self.send(self.framing.frame(payload))
        reply = self.reply()
        require(reply.endswith(payload), "asked %.60r, got %.60r", payload, reply)
        return reply[: len(reply) - len(payload)]

    def expect(self, stream):
        """Fails unless the next bytes are these."""
        done = 0
        while done < len(stream):
            got = self.receive(min(CHUNK, len(stream) - done))
            require(got, "end of file after %d of %d bytes of replies", done, len(stream))
            require(got == stream[done:done + len(got)],
                    "replies differ within bytes %d to %d", done, done + len(got))
            done += len(got)

    def expect_end(self):
        """Fails unless the next thing is an orderly end of file."""
        got = self.receive()
        require(not got, "expected end of file, got %.60r", got)

    def is_refused(self):
        """Asks; whether the server ends the connection without a reply."""
        try:
            self.send(self.framing.frame(b"ping"))
            return not self.socket.recv(CHUNK)
        except (ConnectionResetError, BrokenPipeError):
            return True
        except TimeoutError as error:
            raise Failure("neither a reply nor an end for %d s" % PATIENCE) from error

    def wait_for_end(self, patience=PATIENCE):
        """Waits, without reading, until the server ends the connection."""
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        require(poll.poll(patience * 1000), "the server did not close within %d s", patience)

    def has_ended(self):
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        return bool(poll.poll(0))


def some_payloads(seed, sizes):
    """Payloads of these sizes, no two alike if they are not tiny."""
    source = random.Random(seed)
    return [source.randbytes(size) for size in sizes]


def some_stream(framing, seed, sizes):
    return b"".join(framing.frame(framing.carried(payload))
                    for payload in some_payloads(seed, sizes))


def in_parallel(count, run):
    """run(index) in so many threads; the first failure is raised."""
    failures = []

    def guarded(index):
        try:
            run(index)
        except (Failure, OSError) as failure:
            failures.append("client %d: %s" % (index, failure))

    threads = [threading.Thread(target=guarded, args=[i], daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    require(not failures, "%d of %d failed; %s", len(failures), count, "; ".join(failures[:3]))


# What /proc says of the server


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(word) for word in file.read().split()]


def process_state(pid):
    """R, S, T, Z ...; X when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def is_live_worker(pid):
    """Not a child that checks a new program, nor one that is stopped or gone."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return b": worker " in file.read() and process_state(pid) in "RSD"
    except (FileNotFoundError, ProcessLookupError):
        return False


def echo_tag(worker):
    """What this worker puts before each reply, if its echo has the option tag."""
    with open("/proc/%d/cmdline" % worker) as file:
        return b"worker-%s:" % re.search(r"worker (\d+)", file.read())[1].encode()


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def anonymous_memory(server):
    """Bytes of RssAnon of all workers together."""
    total = 0
    for pid in children(server):
        with open("/proc/%d/status" % pid) as file:
            total += int(re.search(r"RssAnon:\s+(\d+) kB", file.read()).group(1)) * 1024
    return total


def server_sockets(address, states, sent_only=False):
    """How many sockets of the server at that address are in one of the states of ss(8)."""
    port = parse_address(address)[1][1]
    command = ["ss", "-HtnOi"]
    for state in states:
        command += ["state", state]
    command.append("sport = :%d" % port)
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    lines = output.splitlines()
    if sent_only:
        lines = [line for line in lines if re.search(r" bytes_sent:[1-9]", line)]
    return len(lines)


def logged(options, pattern):
    with open(options.log, errors="replace") as file:
        return len(re.findall(pattern, file.read()))


# Where the bytes are cut

STREAM_SIZES = [1, 2, 3, 4, 5, 7, 31, 100, 255, 1, 250]


def stream(options, framing):
    """A pipelined stream of frames in pieces of --piece bytes (0: in one), one segment each.
    With --one-by-one (unix sockets) each is sent when the server has read the one before."""
    data = some_stream(framing, options.seed, STREAM_SIZES * options.times)
    piece = options.piece or len(data)
    with Client(options.address[0], framing) as client:
        for start in range(0, len(data), piece):
            client.send(data[start:start + piece])
            if options.one_by_one:
                wait_until("the server has read a piece", lambda: unread(client) == 0,
                           turn=0.0001)
        client.expect(data)
        client.socket.shutdown(socket.SHUT_WR)
        client.expect_end()


def unread(client):
    """Bytes that the peer of a unix socket has not read: unix(7), SIOCOUTQ."""
    return struct.unpack("i", ioctl(client.socket, termios.TIOCOUTQ, b"\0" * 4))[0]


def splits(options, framing):
    """A stream of several frames cut in two at every point. What stands before the cut has been
    read when the rest is sent: a frame before it has been answered."""
    data = some_stream(framing, options.seed, [1, 3, 20, 2, 57])
    first = framing.frame(framing.carried(b"first"))
    clients = [Client(options.address[0], framing) for _ in range(4)]
    for cut in range(len(data) + 1):
        client = clients[cut % len(clients)]
        client.send(first + data[:cut])
        client.expect(first)
        client.send(data[cut:] + first)
        client.expect(data + first)
    for client in clients:
        client.close()


def unescaped(text):
    """The bytes of text with escapes, as in "one\\r\\n" and "\\x00"."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def raw(options, framing):
    """Sends --bytes in pieces of --piece (0: in one), and shuts its side down unless it is to
    --stay: exactly --expect comes, then an orderly end of file."""
    data, expected = unescaped(options.bytes), unescaped(options.expect)
    piece = options.piece or max(len(data), 1)
    with Client(options.address[0], framing) as client:
        for start in range(0, len(data), piece):
            client.send(data[start:start + piece])
        if not options.stay:
            client.socket.shutdown(socket.SHUT_WR)
        client.expect(expected)
        client.expect_end()


def large(options, framing):
    """Large messages of --sizes, pipelined --times over on each of --clients connections, written
    while replies are read; every byte is checked."""

    def run(index):
        data = some_stream(framing, (options.seed, index).__hash__(), options.sizes * options.times)
        with Client(options.address[0], framing) as client:
            sender = threading.Thread(target=client.send, args=[data], daemon=True)
            sender.start()
            client.expect(data)
            sender.join()
            client.socket.shutdown(socket.SHUT_WR)
            client.expect_end()

    in_parallel(options.clients, run)


def ask(options, framing):
    """One message of --size bytes to each address; prints the tags before the replies."""
    for address in options.address:
        with Client(address, framing) as client:
            print(client.ask(os.urandom(options.size)).decode())


# Ends


def violate(options, framing):
    """--frames good frames, then a header that announces --announce bytes, and some bytes of it:
    all earlier replies come, then an orderly end of file."""
    good = some_stream(framing, options.seed, [options.size] * options.frames)
    with Client(options.address[0], framing) as client:
        client.send(good + framing.header(options.announce) + b"x" * 10)
        client.expect(good)
        client.expect_end()


def violate_unread(options, framing):
    """C6: --clients at once; each pipelines 400 KB, breaks the protocol by announcing --announce
    bytes, and goes on to send while it takes its replies slowly: every one arrives, then an orderly
    end of file."""
    good = some_stream(framing, options.seed, [1000] * 400)
    barrier = threading.Barrier(options.clients)

    def run(_):
        with Client(options.address[0], framing, receive_buffer=16384) as client:
            barrier.wait(PATIENCE)
            client.send(good + framing.header(options.announce) + b"x" * 100000)
            for start in range(0, len(good), 4096):
                client.expect(good[start:start + 4096])
                client.send(b"x" * 1000)
            client.expect_end()

    in_parallel(options.clients, run)


def violate_torn(options, framing):
    """Pipelines 3 MB, then a header that announces --announce bytes, in two pieces, each read for
    itself. For --hold seconds it takes its replies in bites, so small that the server can seldom
    write; then the rest: every one arrives, then an orderly end of file."""
    good = some_stream(framing, options.seed, [30000] * 100)
    bad = framing.header(options.announce)
    taken = 0
    with Client(options.address[0], framing, receive_buffer=4096) as client:
        client.send(good + bad[:2])
        wait_until("the first piece is read", lambda: server_has_read(client))
        client.send(bad[2:])
        end = now() + options.hold
        while now() < end and taken < len(good) // 2:
            client.expect(good[taken:taken + 8192])
            taken += 8192
            time.sleep(options.interval)
        client.expect(good[taken:])
        client.expect_end()


def server_has_read(client):
    """Whether everything sent on a TCP connection has been read, by ss(8)."""
    ports = client.peer[1], client.socket.getsockname()[1]
    output = subprocess.run(["ss", "-Htn", "sport = :%d and dport = :%d" % ports],
                            stdout=subprocess.PIPE, check=True, text=True).stdout
    return not unread(client) and output.split()[1] == "0"


def stood_still(options, framing):
    """L4: --clients, idle or with half a message; the workers of --server are stopped, what the
    clients owe is sent, --hold seconds pass, the workers go on: every one gets its reply."""
    halves = [framing.frame(b"ping"), b""]
    clients = [Client(options.address[0], framing) for _ in range(options.clients)]
    for number, client in enumerate(clients):
        client.ask()
        client.send(halves[number % 2][:5])
    for client in clients[::2]:
        wait_until("the half message is read", lambda client=client: not unread(client))
    workers = children(options.server)
    for worker in workers:
        stop_process(worker)
    for number, client in enumerate(clients):
        client.send(framing.frame(b"ping")[5 if number % 2 == 0 else 0:])
    time.sleep(options.hold)
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    for client in clients:
        require(client.reply() == b"ping", "a wrong reply")
        client.close()


def linger(options, framing):
    """max_connections must be 1. Breaks the protocol, gets its reply and its end of file, and does
    not close: the place is held meanwhile, but for two seconds at most."""
    with Client(options.address[0], framing) as client:
        client.send(framing.frame(b"last") + framing.header(0xffffffff))
        client.expect(framing.frame(b"last"))
        client.expect_end()
        ended = now()
        with Client(options.address[0], framing) as other:
            require(other.is_refused(), "a client got in while the place is held")
        wait_until("the place is free", lambda: gets_in(options.address[0], framing))
        held = now() - ended
        require(1.5 < held < 2 + options.slack, "the place was held for %.2f s", held)


def linger_talking(options, framing):
    """max_connections must be 1. Breaks the protocol and then sends without end: it is cut off, and
    its place is free again."""
    with Client(options.address[0], framing) as client:
        client.send(framing.frame(b"last") + framing.header(0xffffffff))
        client.expect(framing.frame(b"last"))
        ended = now()
        with contextlib.suppress(ConnectionError):
            while now() < ended + PATIENCE:
                client.send(b"x" * CHUNK)
        wait_until("the place is free", lambda: gets_in(options.address[0], framing))
        held = now() - ended
        require(held < 2 + options.slack, "the place was held for %.2f s", held)


def gets_in(address, framing):
    with Client(address, framing) as client:
        return not client.is_refused()


def half_close(options, framing):
    """Sends --frames frames and shuts its side down, and only then reads: every reply, then the
    end of file. With --partial a frame that is not whole stands behind them."""
    data = some_stream(framing, options.seed, [options.size] * options.frames)
    tail = framing.frame(b"never whole")[:-1] if options.partial else b""
    with Client(options.address[0], framing, receive_buffer=16384) as client:
        client.send(data + tail)
        client.socket.shutdown(socket.SHUT_WR)
        client.expect(data)
        client.expect_end()


def reset(options, framing):
    """--times connections that break off: in a header, in a payload, with replies not yet read,
    and with replies that the server has queued. Afterwards there is a place for a new client."""

    def in_header(client):
        client.ask()
        client.send(framing.header(100)[:2])

    def in_payload(client):
        client.ask()
        client.send(framing.header(100000) + b"x" * 50000)

    def unread_replies(client):
        client.ask()
        client.send(framing.frame(b"y" * 1000) * 20)

    def queued_replies(client):
        Flood(client, framing, options.seed).push_until_blocked(patience=0.05)

    ways = [in_header, in_payload, unread_replies, queued_replies]
    for i in range(options.times):
        client = wait_until("a client gets in",
                            lambda: enter(options.address[0], framing, 65536, 65536))
        ways[i % len(ways)](client)
        client.reset()
    wait_until("a new client gets in", lambda: gets_in(options.address[0], framing))


def enter(address, framing, receive_buffer=0, send_buffer=0, source=""):
    """A client that has had a reply, or None if it is refused."""
    client = Client(address, framing, receive_buffer, send_buffer, source)
    if client.is_refused():
        client.close()
        return None
    return client


# Time


def require_between(elapsed, options, what):
    require(options.least <= elapsed <= options.least + options.slack,
            "%s after %.2f s, expected %.2f to %.2f s", what, elapsed, options.least,
            options.least + options.slack)


def drip(options, framing):
    """A frame byte by byte, one each --interval, the first --head bytes at once: closed --least
    to --least + --slack seconds after its first byte, whatever still comes."""
    data = framing.frame(b"x" * 100000)
    with Client(options.address[0], framing) as client:
        client.ask()
        begun = now()
        client.send(data[:options.head])
        for byte in data[options.head:]:
            if client.has_ended():
                break
            require(now() - begun < PATIENCE, "the server did not close")
            with contextlib.suppress(ConnectionError):
                client.send(bytes([byte]))
            time.sleep(options.interval)
        require_between(now() - begun, options, "closed")


def idle(options, framing):
    """Says nothing after --frames exchanges: closed in order after --least to --least + --slack
    seconds."""
    with Client(options.address[0], framing) as client:
        for _ in range(options.frames):
            client.ask()
        begun = now()
        client.expect_end()
        require_between(now() - begun, options, "closed")


def deaf(options, framing):
    """Pipelines and does not read: closed --least to --least + --slack seconds after its start,
    most of which it stands still."""
    with Client(options.address[0], framing, 65536, 65536) as client:
        begun = now()
        with contextlib.suppress(ConnectionError):
            Flood(client, framing, options.seed).push_until_blocked()
        client.wait_for_end()
        require_between(now() - begun, options, "closed")


def paused(options, framing):
    """Pipelines until the server reads no more, a frame that is not whole at the end, and leaves
    it so for --hold seconds, over read_timeout; then reads, and completes the frame: all is
    answered."""
    with Client(options.address[0], framing, 65536, 65536) as client:
        flood = Flood(client, framing, options.seed)
        flood.push_until_blocked()
        end = now() + options.hold
        while now() < end:
            require(not client.has_ended(), "closed while the server did not read")
            time.sleep(0.02)
        flood.finish()


def active(options, framing):
    """For --hold seconds a client that is slow, but never as slow as a timeout: it drips frames,
    pauses between them, and takes its replies in small bites. Nothing is cut."""
    end = now() + options.hold
    payload = b"z" * 20
    with Client(options.address[0], framing) as client:
        while now() < end:
            for byte in framing.frame(payload)[:8]:
                client.send(bytes([byte]))
                time.sleep(options.interval / 8)
            client.send(framing.frame(payload)[8:])
            require(client.reply() == payload, "a wrong reply")
            time.sleep(options.interval)


def sipping(options, framing):
    """Pipelines until blocked, then takes a bite of its replies each --interval for --hold seconds,
    all the while with output pending in the server; then the rest. Nothing is cut."""
    end = now() + options.hold
    with Client(options.address[0], framing, 65536, 65536) as client:
        flood = Flood(client, framing, options.seed)
        while now() < end:
            flood.push_until_blocked(patience=0)
            flood.take(32768)
            time.sleep(options.interval)
        flood.finish()


# Those who do not read


class Flood:
    """A pipelined stream without end on a client, and the replies that are due for it."""

    def __init__(self, client, framing, seed):
        self.client = client
        source = random.Random(seed)
        sizes = [source.randrange(1, 400) for _ in range(500)]
        self.block = some_stream(framing, seed, sizes)
        self.view = memoryview(self.block + self.block)
        self.sent = 0
        self.taken = 0

    def push(self):
        """Sends what the kernel takes now; whether it took any."""
        start = self.sent % len(self.block)
        try:
            # Not socket.send(), which waits until it can.
            count = os.write(self.client.socket.fileno(),
                             self.view[start:start + len(self.block)])
        except BlockingIOError:
            return False
        self.sent += count
        return True

    def push_until_blocked(self, patience=0.3):
        """Sends until the kernel has taken nothing for so long."""
        poll = select.poll()
        poll.register(self.client.socket, select.POLLOUT)
        while poll.poll(patience * 1000):
            self.push()

    def take(self, size):
        """Takes some replies, which must be right."""
        size = min(size, self.sent - self.taken)
        start = self.taken % len(self.block)
        got = self.client.receive(min(size, len(self.block)))
        require(got, "end of file after %d of %d bytes of replies", self.taken, self.sent)
        require(got == self.view[start:start + len(got)],
                "replies differ within bytes %d to %d", self.taken, self.taken + len(got))
        self.taken += len(got)

    def finish(self):
        """Reads every reply, while it sends the rest of the block, for the last frame to be whole.
        Then sees the end."""
        rest = self.view[self.sent % len(self.block):len(self.block)]
        self.sent += len(rest)
        sender = threading.Thread(target=self.client.send, args=[rest], daemon=True)
        sender.start()
        while self.taken < self.sent:
            self.take(CHUNK)
        sender.join()
        self.client.socket.shutdown(socket.SHUT_WR)
        self.client.expect_end()


def flood(options, framing):
    """--clients that pipeline without reading: the memory of the workers grows by --grow bytes at
    most and then stands still; when they read, every reply is right."""
    before = anonymous_memory(options.server)
    floods = [Flood(Client(options.address[0], framing, 32768, 65536), framing, options.seed + i)
              for i in range(options.clients)]
    push_all(floods)
    full = before
    end = now() + 2 * options.hold
    while now() < end:
        for each in floods:
            each.push()
        memory = anonymous_memory(options.server)
        require(memory - before <= options.grow, "memory grew by %d KB", (memory - before) // 1024)
        if now() < end - options.hold:  # a busy machine may have had no time for all of it
            full = max(full, memory)
        else:
            require(memory - full <= 1 << 20, "memory still grows: %d KB more",
                    (memory - full) // 1024)
        time.sleep(0.02)
    print("sent %d KB, memory grew by %d KB" % (
        sum(each.sent for each in floods) // 1024, (full - before) // 1024))
    in_parallel(len(floods), lambda index: floods[index].finish())


def push_all(floods):
    """Sends until no connection has taken anything for a while."""
    poll = select.poll()
    by_fd = {each.client.socket.fileno(): each for each in floods}
    for fd in by_fd:
        poll.register(fd, select.POLLOUT)
    while ready := poll.poll(500):
        for fd, _ in ready:
            by_fd[fd].push()


def stall(options, framing):
    """--clients that announce --announce bytes and send --head of them: memory grows by --grow
    bytes at most. Another client is served meanwhile, and these when they go on."""
    before = anonymous_memory(options.server)
    payload = random.Random(options.seed).randbytes(options.announce)
    data = framing.frame(payload)
    clients = [Client(options.address[0], framing) for _ in range(options.clients)]
    for client in clients:
        client.ask()
        client.send(data[:options.head])
    with Client(options.address[0], framing) as other:
        # Whoever answers this has read what came before it; there is one worker.
        other.ask()
    grown = anonymous_memory(options.server) - before
    require(grown <= options.grow, "memory grew by %d KB", grown // 1024)
    print("memory grew by %d KB" % (grown // 1024))
    for client in clients[:3]:
        client.send(data[options.head:])
        client.expect(data)
    for client in clients:
        client.close()


# Limits


def limit(options, framing):
    """Opens --limits[i] connections at address i; one more at each is refused at once, all others
    go on; when one closes there is a place again, and one only."""
    clients = [[] for _ in options.address]
    for held, address, count in zip(clients, options.address, options.limits):
        open_exactly(held, address, count, framing)
    for held in clients:
        for client in held:
            client.ask()
    held = clients[-1]
    for _ in range(5):
        held.pop(0).close()
        held.append(wait_until("the place is free",
                               lambda: enter(options.address[-1], framing)))
        expect_refused(options.address[-1], framing)
    for client in sum(clients, []):
        client.ask()
        client.close()


def succeed(options, framing):
    """Holds all --limits[0] places; --times, one client closes its side, and the moment it sees
    the end another one takes its place. Of those hardly any is refused: a machine that is busy may
    have let the server's side stand still."""
    held, refused = [], 0
    open_exactly(held, options.address[0], options.limits[0], framing)
    for _ in range(options.times):
        with held.pop(0) as client:
            client.socket.shutdown(socket.SHUT_WR)
            client.expect_end()
            successor = enter(options.address[0], framing)
        refused += not successor
        held.append(successor or wait_until("the place is free",
                                            lambda: enter(options.address[0], framing)))
    print("%d of %d refused" % (refused, options.times))
    require(refused <= options.times // 20, "%d of %d were refused", refused, options.times)
    expect_refused(options.address[0], framing)


def open_exactly(held, address, count, framing, source=""):
    for i in range(count):
        client = enter(address, framing, source=source)
        require(client, "%s: connection %d of %d was refused", address, i + 1, count)
        held.append(client)
    for _ in range(10):
        expect_refused(address, framing, source)


def expect_refused(address, framing, source=""):
    begun = now()
    with Client(address, framing, source=source) as client:
        require(client.is_refused(), "%s: one connection too many was served", address)
    require(now() - begun < 5, "%s: the refusal took %.2f s", address, now() - begun)


def sources(options, framing):
    """Opens --limits[0] connections from each of --sources to each address; one more from there is
    refused at once. When one closes there is a place again, and one only. While a crowd from the
    first source is refused, all others go on."""
    held = {(source, address): [] for source in options.sources for address in options.address}
    for (source, address), clients in held.items():
        open_exactly(clients, address, options.limits[0], framing, source)
    flood_refused(options, framing, [client for clients in held.values() for client in clients])
    for (source, address), clients in held.items():
        clients.pop(0).close()
        clients.append(wait_until("the place is free",
                                  lambda: enter(address, framing, source=source)))
        expect_refused(address, framing, source)
    if options.server:
        kill_and_refill(options, framing, held)
    for clients in held.values():
        for client in clients:
            client.ask()


def flood_refused(options, framing, clients):
    """Clients from the first source, which has no place left, knock in a crowd."""
    knocks = 50
    crowd = threading.Thread(daemon=True, target=lambda: in_parallel(10, lambda _: [
        expect_refused(options.address[0], framing, options.sources[0]) for _ in range(knocks)]))
    crowd.start()
    while crowd.is_alive():
        for client in clients:
            client.ask()
    crowd.join()


def kill_and_refill(options, framing, held):
    """Kills one worker after another. What each served, by the tags of the replies, ends, and
    exactly so many get in again. That the worker is a zombie does not mean that its connections
    have ended: its threads hold them as well, and the first may be the first to end."""
    for worker in children(options.server):
        tag = echo_tag(worker)
        served = {key: [client for client in clients if client.ask() == tag]
                  for key, clients in held.items()}
        os.kill(worker, signal.SIGKILL)
        for (source, address), clients in held.items():
            for client in served[source, address]:
                client.wait_for_end()
                client.close()
                clients.remove(client)
                clients.append(wait_until("the place is free",
                                          lambda: enter(address, framing, source=source)))
            expect_refused(address, framing, source)


def knock(options, framing):
    """From each of --sources: prints whether it is served or refused."""
    for address in options.address:
        for source in options.sources or [""]:
            client = enter(address, framing, source=source)
            print(source or address, "served" if client else "refused")
            if client:
                client.close()


def rate(options, framing):
    """--clients that connect at once and ask: all are served, at --rate a second and hardly slower,
    but for a second's worth at once. Replies may be late by some of a tenth of a second."""
    poll = select.poll()
    waiting = {}
    begun = now()
    for _ in range(options.clients):
        client = Client(options.address[0], framing)
        client.send(framing.frame(b"ping"))
        waiting[client.socket.fileno()] = client
        poll.register(client.socket, select.POLLIN)
    served = []
    while waiting:
        for fd, _ in poll.poll(100):
            poll.unregister(fd)
            require(waiting.pop(fd).reply() == b"ping", "a wrong reply")
            served.append(now())
        require(now() - begun < PATIENCE, "%d of %d wait", len(waiting), options.clients)
    most = max(sum(1 for other in served if first <= other < first + 1) for first in served)
    took = served[-1] - begun
    print("%d served in %.2f s, most in a second %d" % (len(served), took, most))
    require(most <= 2.1 * options.rate + 1, "%d were served within a second", most)
    require(took >= options.clients / options.rate - 2, "it took only %.2f s", took)
    require(took <= options.clients / options.rate + options.slack, "it took %.2f s", took)


def spread(options, framing):
    """Opens --clients connections one after another; by the tags of the replies the most loaded of
    --workers workers has at most --ratio times as many as the least loaded."""
    counts = {}
    clients = []
    for _ in range(options.clients):
        client = Client(options.address[0], framing)
        tag = client.ask()
        counts[tag] = counts.get(tag, 0) + 1
        clients.append(client)
    shown = " ".join("%s%d" % (tag.decode(), count) for tag, count in sorted(counts.items()))
    print(shown)
    require(len(counts) == options.workers, "not all workers have connections: %s", shown)
    require(max(counts.values()) <= options.ratio * min(counts.values()),
            "unevenly spread: %s", shown)


def count_sockets(pid):
    """Of a process; those that end meanwhile do not count."""
    count = 0
    for fd in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):
            count += os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith("socket:")
    return count


def spread_anew(options, framing):
    """--times clients have come and gone when --server gets HUP. Of --clients that come when its new
    workers have just begun, the most loaded of these has at most --ratio times as many as the least
    loaded."""
    for _ in range(options.times):
        with Client(options.address[0], framing) as client:
            client.ask()
    old = set(children(options.server))
    os.kill(options.server, signal.SIGHUP)
    wait_until("there are new workers",
               lambda: len(set(children(options.server)) - old) == len(old))
    new = set(children(options.server)) - old
    before = {pid: count_sockets(pid) for pid in new}
    clients = [Client(options.address[0], framing) for _ in range(options.clients)]
    wait_until("the old ones are gone", lambda: old.isdisjoint(children(options.server)))
    counts = [count_sockets(pid) - before[pid] for pid in new]
    print(*counts)
    require(max(counts) <= options.ratio * min(counts), "unevenly spread: %s", counts)
    for client in clients:
        client.close()


def starve(options, framing):
    """The server must have fewer descriptors than --clients connections need, and one worker. Those
    that it cannot accept wait; it neither spins nor floods --log; as others close, all get their
    turn."""
    worker = children(options.server)[0]
    waiting = []
    for _ in range(options.clients):
        client = Client(options.address[0], framing)
        client.send(framing.frame(b"ping"))
        waiting.append(client)
    wait_until("it says so", lambda: logged(options, "cannot accept, pausing"))
    begun, used = now(), cpu_seconds(worker)
    while now() < begun + 1:
        time.sleep(0.05)
    used = cpu_seconds(worker) - used
    require(used < 0.25, "the worker took %.2f s of a second", used)
    require(logged(options, "cannot accept") == 1, "it is said more than once")
    served = take_turns(waiting)
    require(served, "nobody was served")
    served[0].ask()
    while waiting:
        served.pop(0).close()
        wait_until("one more is served", lambda: served.extend(take_turns(waiting)) or served)
    print("said %d times" % logged(options, "cannot accept"))
    require(logged(options, "cannot accept") <= 20, "the log is flooded")


def take_turns(waiting):
    """Takes out those that have been answered."""
    poll = select.poll()
    for client in waiting:
        poll.register(client.socket, select.POLLIN)
    ready = {fd for fd, _ in poll.poll(0)}
    served = [client for client in waiting if client.socket.fileno() in ready]
    for client in served:
        require(client.reply() == b"ping", "a wrong reply")
        waiting.remove(client)
    return served


# The rush (W3, C5)


class Runner:
    """One of a crowd: connects, asks, stays a moment if it is served, leaves, comes again."""

    def __init__(self, rush, service):
        self.rush = rush
        self.service = service
        self.socket = None
        self.served = False
        self.due = 0.0  # when to connect, or to leave

    def connect(self):
        family, peer = parse_address(self.rush.addresses[self.service])
        self.served = False
        self.socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.socket.connect_ex(peer)
        self.rush.watch(self, select.EPOLLOUT)

    def on_event(self, what):
        try:
            if what & select.EPOLLOUT:
                self.socket.send(self.rush.question)
                self.rush.change(self, select.EPOLLIN)
            elif not self.served and self.socket.recv(CHUNK) == self.rush.question:
                self.served = True
                self.rush.served(self)
            else:
                self.end()
        except OSError:
            self.end()

    def end(self):
        """The server has ended it: it was refused, or has been served and is no more."""
        self.rush.broken += self.served
        self.leave()

    def leave(self):
        """The end of this connection, whoever ended it."""
        self.rush.unwatch(self)
        if self.rush.random.random() < 0.3:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.socket = None
        self.due = now() + self.rush.random.uniform(0.005, 0.03)


class Rush:
    """Three times as many as there are places, while workers are killed, or other things happen."""

    def __init__(self, options, framing):
        self.random = random.Random(options.seed)
        self.question = framing.frame(b"ping")
        self.addresses = options.address
        self.limits = options.limits
        self.total = options.total
        self.server = options.server
        self.epoll = select.epoll()
        self.by_fd = {}
        self.held = [set() for _ in self.addresses]
        self.runners = [Runner(self, i % len(self.addresses)) for i in range(3 * self.total)]
        self.signals = options.signals
        self.kills = self.freezes = self.entered = self.broken = 0
        self.most = self.most_seen_by_kernel = 0

    def watch(self, runner, events):
        self.by_fd[runner.socket.fileno()] = runner
        self.epoll.register(runner.socket, events)

    def change(self, runner, events):
        self.epoll.modify(runner.socket, events)

    def unwatch(self, runner):
        self.held[runner.service].discard(runner)
        self.epoll.unregister(runner.socket)
        del self.by_fd[runner.socket.fileno()]

    def served(self, runner):
        self.entered += 1
        self.held[runner.service].add(runner)
        runner.due = now() + self.random.uniform(0, 0.1)

    def turn(self):
        time_now = now()
        for runner in self.runners:
            if runner.due > time_now:
                continue
            if runner.socket is None:
                runner.connect()
            elif runner.served:
                runner.leave()
        for fd, what in self.epoll.poll(0.005):
            if fd in self.by_fd:
                self.by_fd[fd].on_event(what)
        self.check_clients()

    def check_clients(self):
        """Connections that have had a reply and that neither side has closed: alive at one moment,
        that of the poll, so they all had their places then."""
        for service, held in enumerate(self.held):
            if len(held) > self.limits[service]:
                held = alive(held)
            require(len(held) <= self.limits[service], "service %d: clients see %d, limit %d",
                    service, len(held), self.limits[service])
        everyone = set().union(*self.held)
        if len(everyone) > self.total:
            everyone = alive(everyone)
        require(len(everyone) <= self.total, "clients see %d connections, limit %d",
                len(everyone), self.total)
        self.most = max(self.most, len(everyone))

    def kill_one(self):
        which = self.random.choice(self.signals)
        pids = [self.server]
        if which in ("KILL", "TERM"):
            pids = [pid for pid in children(self.server) if is_live_worker(pid)]
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.random.choice(pids), signal.Signals["SIG" + which])
            self.kills += 1

    def check_kernel(self):
        """Counts with everybody frozen, so that the count is of one moment."""
        with frozen(self.server):
            counts = [server_sockets(address, ["established"], sent_only=True)
                      for address in self.addresses]
        self.freezes += 1
        self.most_seen_by_kernel = max(self.most_seen_by_kernel, sum(counts))
        require(sum(counts) <= self.total, "the kernel has %s connections, limit %d", counts,
                self.total)
        for count, most in zip(counts, self.limits):
            require(count <= most, "the kernel has %s connections, limits %s", counts,
                    self.limits)

    def run(self, kills, freeze_each):
        kill_at = now() + 0.3
        while self.kills < kills:
            self.turn()
            if now() < kill_at:
                continue
            self.kill_one()
            kill_at = now() + self.random.uniform(0, 0.08)
            if self.kills >= (self.freezes + 1) * freeze_each:
                self.check_kernel()

    def end(self):
        for runner in self.runners:
            if runner.socket is not None:
                runner.leave()
        for address in self.addresses:
            wait_until("no connection is left",
                       lambda: server_sockets(address, ["established", "close-wait"]) == 0)


def alive(runners):
    poll = select.poll()
    by_fd = {runner.socket.fileno(): runner for runner in runners}
    for fd in by_fd:
        poll.register(fd, select.POLLRDHUP)
    return set(runners) - {by_fd[fd] for fd, _ in poll.poll(0)}


@contextlib.contextmanager
def frozen(server):
    """The master stands still first, so that no worker is added; then the workers."""
    stopped = [server]
    try:
        stop_process(server)
        for pid in children(server):
            stopped.append(pid)
            stop_process(pid)
        yield
    finally:
        for pid in reversed(stopped):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def stop_process(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    wait_until("%d stands still" % pid, lambda: process_state(pid) in "TZX")


def rush(options, framing):
    """Three times --total clients at all addresses, with --kills SIGKILLs of random workers, or
    others of --signals: TERM goes to a worker, too, any other one to the master. The limits,
    --total and --limits for each address, are never exceeded, as counted by the clients at every
    turn and by the kernel now and then. Without a KILL nobody ends who is served. Afterwards
    exactly as many can be opened."""
    crowd = Rush(options, framing)
    crowd.run(options.kills, options.freeze_each)
    crowd.check_kernel()
    crowd.end()
    print("%d kills, %d served, most at once: %d by the clients, %d by the kernel (%d counts)" % (
        crowd.kills, crowd.entered, crowd.most, crowd.most_seen_by_kernel, crowd.freezes))
    require(crowd.entered > options.total, "hardly anybody was served")
    require(crowd.most > options.total // 2, "there was no rush")
    require("KILL" in options.signals or not crowd.broken, "%d that were served ended",
            crowd.broken)
    left = options.total
    clients = []
    for address, most in zip(options.address, options.limits):
        count = min(most, left)
        open_exactly(clients, address, count, framing)
        left -= count
    for client in clients:
        client.ask()


def burst(options, framing):
    """--clients that connect all at once, from --sources in turn, each with a question as soon as
    it is connected: nobody is refused or reset, and all are answered."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    family, peer = parse_address(options.address[0])
    asking = {}
    epoll = select.epoll()
    for i in range(options.clients):
        client = socket.socket(family, socket.SOCK_STREAM)
        client.setblocking(False)
        if options.sources:
            client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            client.bind((options.sources[i % len(options.sources)], 0))
        client.connect_ex(peer)
        asking[client.fileno()] = client
        epoll.register(client, select.EPOLLOUT)
    served = {}
    while asking:
        events = epoll.poll(PATIENCE)
        require(events, "%d of %d wait for %d s", len(asking), options.clients, PATIENCE)
        for fd, what in events:
            require(not what & select.EPOLLERR, "client %d was refused or reset", len(served))
            if what & select.EPOLLOUT:
                asking[fd].send(framing.frame(b"ping"))
                epoll.modify(fd, select.EPOLLIN)
                continue
            served[fd] = asking.pop(fd)
            require(served[fd].recv(CHUNK).endswith(b"ping"), "a wrong reply")
    print("%d served" % len(served))


# The command line


def size(text):
    return int(text[:-1]) << {"K": 10, "M": 20}[text[-1]] if text[-1] in "KM" else int(text, 0)


def words(text):
    return text.split(",")


def sizes(text):
    return [size(word) for word in words(text)]


OPTIONS = {
    "announce": (size, 0, "length that a header announces"),
    "bytes": (str, "", "what is sent, with escapes"),
    "clients": (int, 1, "connections"),
    "expect": (str, "", "what is to come back, with escapes"),
    "frames": (int, 3, "good frames"),
    "freeze-each": (int, 10, "kills between two counts by the kernel"),
    "grow": (size, 0, "bytes by which memory may grow"),
    "head": (int, 1, "bytes sent at once"),
    "hold": (float, 1, "seconds"),
    "interval": (float, 0.05, "seconds"),
    "kills": (int, 0, "workers to kill"),
    "least": (float, 0, "seconds"),
    "limits": (sizes, [], "connections for each address"),
    "log": (str, "", "the server's log"),
    "piece": (int, 0, "bytes sent at once"),
    "rate": (float, 0, "connections a second"),
    "ratio": (float, 1, "most to least loaded"),
    "server": (int, 0, "process id of the master"),
    "signals": (words, ["KILL"], "names of signals, for example HUP,TERM"),
    "size": (size, 100, "bytes of a payload"),
    "sizes": (sizes, [], "bytes of payloads"),
    "slack": (float, 3, "seconds that a slow machine may add"),
    "sources": (words, [], "addresses to connect from"),
    "times": (int, 1, "repetitions"),
    "total": (int, 0, "connections for all addresses together"),
    "workers": (int, 0, "workers"),
}
FLAGS = {
    "one-by-one": "wait until each piece has been read",
    "partial": "a frame that is not whole at the end",
    "stay": "leave the sending side open",
}
SUBCOMMANDS = {
    function.__name__.replace("_", "-"): function
    for function in (
        active, ask, burst, deaf, drip, flood, half_close, idle, knock, large, limit, linger,
        linger_talking, paused, rate, raw, reset, rush, sipping, sources, splits, spread, spread_anew,
        stall, starve, stood_still, stream, succeed, violate, violate_torn, violate_unread,
    )
}


def parser_of(description, subcommands, options):
    """Of a program with these subcommands, each of which takes whatever it needs of the options."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="subcommands:\n" + "\n".join(
            "  %s\n    %s" % (name, function.__doc__) for name, function in subcommands.items()))
    parser.add_argument("subcommand", choices=subcommands)
    parser.add_argument("address", nargs="+")
    parser.add_argument("--seed", type=int, default=1, help="of what is random")
    parser.add_argument("--deadline", type=int, default=60, help="seconds for everything")
    for name, (kind, default, text) in options.items():
        parser.add_argument("--" + name, type=kind, default=default, help=text)
    return parser


def parse():
    parser = parser_of(__doc__, SUBCOMMANDS, OPTIONS)
    parser.add_argument("--framing", default="length", choices=["length", "line"])
    parser.add_argument("--end", default="lf", choices=["lf", "crlf", "mixed"])
    parser.add_argument("--length-bytes", default="4", choices=["1", "2", "4", "8", "varint"])
    parser.add_argument("--length-offset", type=int, default=0)
    parser.add_argument("--length-adjust", type=int, default=0)
    parser.add_argument("--byte-order", default="big", choices=["big", "little"])
    for name, text in FLAGS.items():
        parser.add_argument("--" + name, action="store_true", help=text)
    return parser.parse_args()


def on_alarm(*_):
    raise Failure("not done within the deadline")


def run(program, options, function):
    """Ends with what the function comes to: 0, or 1 and a line that says why."""
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(options.deadline)
    try:
        function()
    except (Failure, OSError) as failure:
        print("%s %s: %s" % (program, options.subcommand, failure), file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def main():
    options = parse()
    framing = LineFraming if options.framing == "line" else Framing
    run("client.py", options, lambda: SUBCOMMANDS[options.subcommand](options, framing(options)))


if __name__ == "__main__":
    main()
