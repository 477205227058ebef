"""More requests than a server can handle: what is still done of them, how long that takes, what
memory it needs, and how what is urgent fares.

The handler uses 500 us of CPU time, so that what goes beside it, the load generator on the same
CPUs included, weighs little."""

import os
import time

from echo import figures_of
from load import THREADS
from servers import WORKERS
from work import Column, Work

BURN_US = 500
POOL = 2       # threads a worker
QUEUE = 64     # messages that wait in a worker
STEPS = (0.5, 0.8, 1.0, 1.5, 2.0)
CLIENTS = ("--connections", 1000, "--size", 64, "--threads", THREADS)
SETTINGS = {"threads": POOL, "queue_length": QUEUE}


def cpus():
    return len(os.sched_getaffinity(0))


def longest_wait_us():
    """How long what is accepted takes at the worst: all before it in a full queue, and itself, by
    so many CPUs."""
    return (QUEUE + POOL) * BURN_US * max(WORKERS / cpus(), 1)


def at(step):
    """What stands for the server in the results, at a share of its capacity."""
    return f"preforkd-pool at {step:g}x"


class Shed(Work):
    """Open loop at shares of the capacity, which a closed loop finds out first. A busy reply has
    another length than a right one, by which preforkbench tells them apart."""

    name = "shed"
    text = f"overload = shed, a handler of {BURN_US} us CPU, at shares of what it can handle"
    columns = (Column("offered", "requests/s"), Column("goodput", "right replies/s"),
               Column("shed", "busy replies/s"), Column("p50_us", "p50 us of right ones"),
               Column("p99_us", "p99 us"))

    def run(self, round_):
        self.each(round_, ["preforkd-pool"], lambda name: self.measure(round_, name))

    def samples(self, server, figures):
        return figures

    def measure(self, round_, name):
        # In the closed loop as many are under way as have places: nothing is shed.
        with round_.fresh(name, burn_us=BURN_US, settings=SETTINGS) as server:
            capacity = round_.bench.run(server, round_.seconds, "--connections", QUEUE, "--size",
                                        64)["requests_per_s"]
        settings = {**SETTINGS, "overload": "shed"}
        with round_.fresh(name, burn_us=BURN_US, settings=settings) as server:
            return {at(step): self.offer(round_, server, capacity * step) for step in STEPS}

    @staticmethod
    def offer(round_, server, rate):
        result = round_.bench.run(server, max(round_.seconds, 1), *CLIENTS, "--rate", round(rate))
        kept = figures_of(result, None)
        return {"offered": rate, "goodput": kept["requests_per_s"],
                "shed": result["errors"]["length"] / result["duration_s"],
                "p50_us": kept["p50_us"], "p99_us": kept["p99_us"],
                "longest_wait_us": longest_wait_us()}


class Wait(Work):
    """The same with overload = wait, where clients have to: memory over time."""

    name = "wait"
    text = "overload = wait, the same handler with 16 requests of each of 1,000 connections"
    columns = (Column("early_bytes", "memory early, bytes"), Column("late_bytes", "late"))

    def run(self, round_):
        self.each(round_, ["preforkd-pool"], lambda name: self.measure(round_, name))

    @staticmethod
    def measure(round_, name):
        seconds = 4 * max(round_.seconds, 0.5)
        with round_.fresh(name, burn_us=BURN_US, settings=SETTINGS) as server, \
                round_.bench.start(server, seconds, *CLIENTS, "--pipeline", 16) as load:
            server.wait_for_clients(CLIENTS[1], load)
            memory = []
            while load.runs():
                memory.append(server.memory_bytes())
                time.sleep(seconds / 40)
        memory = memory[:-2]  # the clients may be leaving
        quarter = max(len(memory) // 4, 1)
        return {"early_bytes": max(memory[:quarter]), "late_bytes": max(memory[-quarter:])}


class Urgent(Work):
    """Requests of high priority alone, and under a flood of those of low priority, on one worker
    with one thread."""

    name = "urgent"
    text = f"requests of high priority, alone and under a flood of low ones, {BURN_US} us CPU each"
    columns = (Column("p99_idle_us", "p99 us alone"), Column("p99_flood_us", "under the flood"))
    load = ("--connections", 4, "--size", 64, "--rate", 200)
    flood = ("--connections", 50, "--size", 64, "--pipeline", 4)

    def run(self, round_):
        self.each(round_, ["preforkd-pool"], lambda name: self.measure(round_, name))

    def measure(self, round_, name):
        seconds = 2 * max(round_.seconds, 0.5)
        with round_.session.catalog.start_priorities(name, BURN_US) as server:
            idle = round_.bench.run(server, seconds, *self.load)
            with round_.bench.start(server, seconds + 1, *self.flood,
                                    address=server.others[0]) as flood:
                time.sleep(0.5)
                busy = round_.bench.run(server, seconds, *self.load)
                flood.process.kill()
        return {"p99_idle_us": idle["latency_us"]["p99"],
                "p99_flood_us": busy["latency_us"]["p99"], "handler_us": BURN_US}
