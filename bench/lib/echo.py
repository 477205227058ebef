"""Echo servers under a closed loop: what a request costs them, how many they do, and how long each
takes. Churn, too, and handlers that use CPU time."""

from load import THREADS, LoadError, failures
from work import Column, Work

ENOUGH = 100  # requests to take a mean of
TRIES = 5
LEAST_MANY = 1.0  # seconds of a load of which another one is subtracted
AGAIN = "floor-again"
OURS = ("preforkd-inline", "preforkd-pool")
BURNERS = ("floor", *OURS, "go")
FLAT = ("floor", "preforkd-inline")
FLAT_CONNECTIONS = (10, 100, 1000, 10000)
FLAT_WORKERS = (1, 2, 4, 8)
# Loopback addresses, so that ports in TIME_WAIT don't run out.
SOURCES = "127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5"

COLUMNS = (
    Column("cpu_us", "CPU us a request", ratio=True),
    Column("requests_per_s", "requests/s"),
    Column("p50_us", "p50 us"),
    Column("p99_us", "p99 us"),
)


def figures_of(result, cpu_us):
    """What is kept of a run of preforkbench."""
    latency = result["latency_us"]
    return {
        "cpu_us": cpu_us,
        "requests_per_s": result["requests_per_s"],
        "p50_us": latency["p50"],
        "p90_us": latency["p90"],
        "p99_us": latency["p99"],
        "p999_us": latency["p999"],
        "failures": failures(result),
        "client_was_bottleneck": result["bottleneck"],
    }


def each_us(seconds, requests):
    """Microseconds a request, if there were enough of them to say so."""
    if requests < ENOUGH or seconds <= 0:
        raise LoadError(f"{seconds:.3f} s of CPU time for {requests} requests say nothing")
    return seconds * 1e6 / requests


class Echo(Work):
    """ARGUMENTS of preforkbench against each of the servers.

    All CPU time of the server's processes from the start of the load to its end is divided by all
    requests. Where connecting would be a part of that which counts (MANY), this is done for a short
    load and a long one, and what the long one has more is divided.

    The floor is measured twice, before and after others: how far that differs is noise."""

    columns = COLUMNS
    once = False

    def __init__(self, name, text, *arguments, servers=None, besides=(), many=False, slow=False,
                 **variant):
        self.name = name
        self.text = text
        self.arguments = ("--threads", THREADS, *arguments)
        self.only = servers
        self.besides = besides
        self.many = many
        self.slow = slow
        self.variant = variant

    def run(self, round_):
        peers = [name for name in round_.session.peers if name != "floor"]
        self.each(round_, self.only or ["floor", *OURS, *self.besides, *peers, AGAIN],
                  lambda name: self.measure(round_, name.removesuffix("-again")))

    def measure(self, round_, name):
        server = round_.server(name, **self.variant)
        if self.many:
            return self.measure_many(round_, server)
        round_.bench.run(server, round_.seconds / 4, *self.arguments)
        used = requests = tries = 0
        # Again if they are too few, as on a machine that does much else.
        while requests < ENOUGH and tries < TRIES:
            result, more = self.timed(round_, server, round_.seconds)
            used += more
            requests += result["requests"]
            tries += 1
        return figures_of(result, each_us(used, requests))

    def measure_many(self, round_, server):
        seconds = max(round_.seconds, LEAST_MANY)
        short, used_short = self.timed(round_, server, seconds / 4)
        result, used = self.timed(round_, server, seconds)
        return figures_of(result, each_us(used - used_short,
                                          result["requests"] - short["requests"]))

    def timed(self, round_, server, seconds):
        """A run, and the CPU time that the server has used."""
        before = server.cpu_seconds()
        result = round_.bench.run(server, seconds, *self.arguments)
        return result, server.cpu_seconds() - before


WORKS = (
    Echo("d1", "50 connections, one request at a time each, 64 bytes",
         "--connections", 50, "--size", 64),
    Echo("d16", "50 connections, 16 requests under way each, 64 bytes",
         "--connections", 50, "--size", 64, "--pipeline", 16),
    Echo("64k", "8 connections, one request at a time each, 64 KiB",
         "--connections", 8, "--size", 65536),
    Echo("1000", "1,000 connections, one request at a time each, 64 bytes",
         "--connections", 1000, "--size", 64, many=True),
    Echo("churn", "50 at a time connect, ask once (64 bytes) and close",
         "--connections", 50, "--size", 64, "--churn", "--source", SOURCES,
         besides=("preforkd-reuse-port",)),
    Echo("burn4", "a handler of 50 us CPU, 50 connections, 4 requests under way each",
         "--connections", 50, "--size", 64, "--pipeline", 4, servers=BURNERS, burn_us=50),
    Echo("burn1", "a handler of 50 us CPU, 50 connections, one request at a time each",
         "--connections", 50, "--size", 64, servers=BURNERS, burn_us=50),
    Echo("limits", "as d16, with no limit or timeout set, and with all of them",
         "--connections", 50, "--size", 64, "--pipeline", 16,
         servers=("preforkd-bare", "preforkd-full")),
    *(Echo(f"flat-{count}", f"{count:,} connections, one request at a time each, 64 bytes",
           "--connections", count, "--size", 64, servers=FLAT, many=True, slow=True)
      for count in FLAT_CONNECTIONS),
    *(Echo(f"workers-{count}", f"as d1, with {count} server process{'es' * (count > 1)}",
           "--connections", 50, "--size", 64, servers=FLAT, slow=True, workers=count)
      for count in FLAT_WORKERS),
)
