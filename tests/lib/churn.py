#!/usr/bin/python3
"""Many short connections, and who kills workers meanwhile.

    churn.py run ADDRESS RESULT [--processes N] [--threads N] [--until-refused] [--patience S]

Each thread connects, sends a request, takes its reply and closes, again and again, until SIGUSR1,
or the first refusal. Keeps in the file RESULT how that went, as key=value lines (see KEYS), and a
line for each connection that ended without its reply.

    churn.py kill PID...

Stops each of these workers, says which ports the peers of its connections have, as in
"accepted=PORT", and kills it. A stopped worker accepts nothing: what is not said was with nobody.

    churn.py kill-some SERVER-PID COUNT SEED

Does that to a random worker of a server, and waits until another one has its number; COUNT times.

    churn.py storm SERVER-PID COUNT SEED

Sends a server COUNT random signals within a second, each of them harmless.
"""
import argparse
import multiprocessing
import os
import random
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from load import connect, frame

TURN = 0.02   # seconds between two looks at anything
PAUSE = 0.003  # of a thread between two of its connections
KEYS = (
    "served",   # had the right reply
    "wrong",    # another one
    "eof",      # an end of file in order instead of one
    "cut",      # an end of file within one
    "reset",
    "refused",
    "slow",     # nothing came within the time that anybody may wait
)


class Churn:
    """The threads of one process. COUNTS are shared with its parent, ENDED is a pipe to it."""

    def __init__(self, args, process, counts, ended):
        self.args, self.process, self.counts, self.ended = args, process, counts, ended
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def ask(self, sock, payload):
        """How the connection went."""
        sock.sendall(frame(payload))
        expected, data = frame(payload), b""
        while len(data) < len(expected):
            piece = sock.recv(4096)
            if not piece:
                return "cut" if data else "eof"
            data += piece
        return "served" if data == expected else "wrong"

    def once(self, payload):
        sock, port, begun = None, 0, time.monotonic()
        try:
            sock = connect(self.args.address, patience=self.args.patience)
            port = sock.getsockname()[1]
            how = self.ask(sock, payload)
        except ConnectionRefusedError:
            how = "refused"
        except TimeoutError:
            how = "slow"
        except (ConnectionResetError, BrokenPipeError):
            how = "reset"
        if time.monotonic() - begun > self.args.patience:
            how = "slow"
        if sock:
            sock.close()
        return how, port, begun

    def count(self, how, port, begun):
        with self.lock:
            self.counts[KEYS.index(how)] += 1
            if how != "served":
                took = time.monotonic() - begun
                self.ended.send(f"ended={port} how={how} after={took:.3f} at={time.time():.3f}")

    def run(self, thread):
        number = 0
        while not self.stopping.is_set():
            number += 1
            how, port, begun = self.once(b"%d:%d:%d" % (self.process, thread, number))
            self.count(how, port, begun)
            if how == "refused" and self.args.until_refused:
                return
            time.sleep(PAUSE)

    def go(self):
        threads = [threading.Thread(target=self.run, args=(n,)) for n in range(self.args.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class Result:
    """What RESULT says."""

    def __init__(self, path, counts):
        self.path, self.counts, self.ended = path, counts, []

    def show(self):
        lines = [f"{key}={sum(counts[i] for counts in self.counts)}"
                 for i, key in enumerate(KEYS)]
        new = Path(f"{self.path}.new")
        new.write_text("\n".join(lines + self.ended) + "\n", encoding="ascii")
        new.rename(self.path)


def begin(args, process, result):
    counts = multiprocessing.RawArray("Q", len(KEYS))
    result.counts.append(counts)
    ours, theirs = multiprocessing.Pipe(False)
    pid = os.fork()
    if pid == 0:
        ours.close()
        churn = Churn(args, process, counts, theirs)
        signal.signal(signal.SIGUSR1, lambda *_: churn.stopping.set())
        churn.go()
        os._exit(0)
    theirs.close()
    return pid, ours


def collect(ours, result):
    """False once the process has ended."""
    try:
        while ours.poll():
            result.ended.append(ours.recv())
    except EOFError:
        return False
    return True


def run(args):
    result = Result(args.result, [])
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    children = [begin(args, process, result) for process in range(args.processes)]

    def finish(*_):
        for pid, _ in children:
            os.kill(pid, signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, finish)
    pipes = {ours for _, ours in children}
    while pipes:
        pipes = {ours for ours in pipes if collect(ours, result)}
        result.show()
        time.sleep(TURN)
    result.show()


# Killing


def stat_of(pid):
    """State and parent; see proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return "gone", 0
    return fields[0], int(fields[1])


def workers(server):
    """Number -> pid, of those that serve and do not drain."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        pid = int(path.name)
        state, parent = stat_of(pid)
        if parent != server or state in "ZX":
            continue
        try:
            title = (path / "cmdline").read_bytes().split(b"\0")[0].decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if match := re.fullmatch(r"preforkd: worker (\d+) \(generation \d+\)", title):
            found[int(match[1])] = pid
    return found


def accepted_ports(pid):
    """The peers' ports of the connections that a process has."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        link = os.readlink(f"/proc/{pid}/fd/{fd}")
        if link.startswith("socket:["):
            inodes.add(link[len("socket:["):-1])
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as lines:
        next(lines)
        for fields in map(str.split, lines):
            if fields[9] in inodes and fields[3] != "0A":
                yield int(fields[2].split(":")[1], 16)


def wait_until(is_true):
    end = time.monotonic() + 30
    while not is_true():
        if time.monotonic() > end:
            sys.exit("gave up waiting")
        time.sleep(TURN / 10)


def kill_worker(pid, pause=0.0):
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: stat_of(pid)[0] == "T")
    for port in accepted_ports(pid):
        print(f"accepted={port}")
    time.sleep(pause)
    os.kill(pid, signal.SIGKILL)


def kill(args):
    for pid in args.pids:
        kill_worker(pid)


def kill_some(args):
    choice = random.Random(args.seed)
    for _ in range(args.count):
        number, pid = choice.choice(sorted(workers(args.server).items()))
        kill_worker(pid, choice.random() * 0.05)
        wait_until(lambda number=number, pid=pid: workers(args.server).get(number, pid) != pid)


def storm(args):
    choice = random.Random(args.seed)
    signals = (signal.SIGHUP, signal.SIGUSR1, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD)
    begun = time.monotonic()
    for number in range(args.count):
        os.kill(args.server, choice.choice(signals))
        time.sleep(max(0.0, begun + number / args.count - time.monotonic()))


def main():
    parser = argparse.ArgumentParser()
    modes = parser.add_subparsers(required=True)
    mode = modes.add_parser("run")
    mode.set_defaults(run=run)
    mode.add_argument("address")
    mode.add_argument("result")
    mode.add_argument("--processes", type=int, default=4)
    mode.add_argument("--threads", type=int, default=4)
    mode.add_argument("--until-refused", action="store_true")
    mode.add_argument("--patience", type=float, default=8)
    mode = modes.add_parser("kill")
    mode.set_defaults(run=kill)
    mode.add_argument("pids", type=int, nargs="+")
    mode = modes.add_parser("kill-some")
    mode.set_defaults(run=kill_some)
    mode.add_argument("server", type=int)
    mode.add_argument("count", type=int)
    mode.add_argument("seed", type=int)
    mode = modes.add_parser("storm")
    mode.set_defaults(run=storm)
    mode.add_argument("server", type=int)
    mode.add_argument("count", type=int)
    mode.add_argument("seed", type=int)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
