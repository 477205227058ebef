"""What connections cost a server while they are held, how they fall on its processes, and a rush of
them."""

import os
import signal
import time

from echo import SOURCES
from load import THREADS, failures
from work import Column, Work

HELD = 9000       # connections: below what a process may have open, and the limit of `go`
RUSH = 10000
RATE = 6000       # requests/s of them
CALM = 0.5        # seconds in which a server is done with what was sent to it
RUN = 30          # of load, at most: ended as soon as there is nothing more to see
LATE = "30s"      # a queue that overflows costs seconds, which is no failure


class Memory(Work):
    """Memory of all processes for a connection that is idle now, and was not before.

    Each client has asked when all are stopped with SIGSTOP: at a rate that leaves the server time
    to take them all. What it has more then than before they came, and after it had others, is
    theirs."""

    name = "memory"
    text = f"{HELD:,} connections that have been busy and are idle now: memory of all processes"
    columns = (Column("bytes_per_connection", "bytes a connection"),)

    def run(self, round_):
        peers = [name for name in round_.session.peers if name != "floor"]
        self.each(round_, ["floor", "preforkd-inline", "preforkd-pool", *peers],
                  lambda name: self.measure(round_, name))

    def measure(self, round_, name):
        with round_.fresh(name) as server:
            round_.bench.run(server, CALM, "--connections", 50, "--pipeline", 4)
            before = server.memory_bytes()
            with round_.bench.start(server, RUN, "--connections", HELD, "--threads", THREADS,
                                    "--rate", RATE, "--source", SOURCES) as load:
                server.wait_for_clients(HELD, load)
                time.sleep(HELD / RATE + CALM)
                os.kill(load.process.pid, signal.SIGSTOP)
                time.sleep(CALM)
                more = server.memory_bytes() - before
        return {"bytes_per_connection": more / HELD}


class Spread(Work):
    """How connections fall on the workers: the most that one has to the least."""

    name = "spread"
    text = "connections of the most loaded worker to those of the least loaded"
    cases = ((2, 50), (4, 50), (2, 1000), (4, 1000))
    columns = tuple(Column(f"spread_{workers}_{count}", f"{workers} workers, {count:,}")
                    for workers, count in cases)

    def run(self, round_):
        self.each(round_, ["preforkd-inline", "preforkd-reuse-port", "floor", "floor-shared"],
                  lambda name: self.measure(round_, name))

    def measure(self, round_, name):
        return {f"spread_{workers}_{count}": self.spread(round_, name, workers, count)
                for workers, count in self.cases}

    @staticmethod
    def spread(round_, name, workers, count):
        with round_.fresh(name, workers=workers) as server, \
                round_.bench.start(server, RUN, "--connections", count) as load:
            server.wait_for_clients(count, load)
            counts = server.connections()
        least = min(counts) if len(counts) == workers else 0
        return max(counts) / max(least, 1)


class Rush(Work):
    """Many connect at once: how many of them see a reset or any other failure."""

    name = "rush"
    text = f"{RUSH:,} connections at once, a request each"
    columns = (Column("failures", "failures"), Column("connect_p99_us", "connected p99 us"),
               Column("connect_max_us", "connected max us"))

    def run(self, round_):
        self.each(round_, ["floor", "preforkd-inline", "preforkd-reuse-port", "go"],
                  lambda name: self.measure(round_, name))

    @staticmethod
    def measure(round_, name):
        with round_.fresh(name) as server:
            result = round_.bench.requests(server, RUSH, "--connections", RUSH,
                                           "--source", SOURCES, "--timeout", LATE)
        return {"failures": failures(result),
                "connect_p99_us": result["connect_latency_us"]["p99"],
                "connect_max_us": result["connect_latency_us"]["max"]}
