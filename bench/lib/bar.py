"""The bar: what preforkd has to reach, row by row, and whether it does."""

from overload import STEPS, at
from results import Figure
from work import number

INLINE, POOL, FLOOR, GO = "preforkd-inline", "preforkd-pool", "floor", "go"


class Limit:
    """What a figure has to be: at most, at least or below a number, in a unit."""

    def __init__(self, sign, bound, unit=""):
        self.sign = sign
        self.bound = bound
        self.unit = unit

    def holds(self, value):
        if self.sign == "<=":
            return value <= self.bound
        return value >= self.bound if self.sign == ">=" else value < self.bound

    def say(self, value):
        return number(value) + self.unit

    def __str__(self):
        return f"{self.sign} {self.bound:g}{self.unit}"


class Row:
    """A row: its id, what is compared, its limit, and a function of the results that returns a
    Figure, or None where something was not measured. A note is a function that returns a word to
    add."""

    def __init__(self, name, text, limit, figure, note=None):
        self.name = name
        self.text = text
        self.limit = limit
        self.figure = figure
        self.note = note

    def judge(self, results):
        """The figure, pass, short or not run, and a note."""
        figure = self.figure(results)
        if figure is None:
            return None, "not run", ""
        note = self.note(results) if self.note else ""
        return figure, "pass" if self.limit.holds(figure.median) else "short", note


def at_most(bound, unit=""):
    return Limit("<=", bound, unit)


def at_least(bound, unit=""):
    return Limit(">=", bound, unit)


def ratio(name, work, of, to):
    return lambda results: results.ratio(name, (work, of), (work, to))


def cpu(work, of, to):
    return ratio("cpu_us", work, of, to)


def highest(ratios):
    """A function that returns the figure of highest median of those that RATIOS, functions by the
    name of the work, return."""
    def find(results):
        figures = [figure(results) for figure in ratios.values()]
        return max((figure for figure in figures if figure), key=lambda each: each.median,
                   default=None)
    return find


def where_highest(ratios):
    """The name of the one that it is."""
    def find(results):
        figures = {name: figure(results) for name, figure in ratios.items()}
        return "most at " + max((name for name in figures if figures[name]),
                                key=lambda name: figures[name].median)
    return find


def each_round(work, server, compute):
    """The figure that COMPUTE makes of each sample of a work."""
    def find(results):
        return Figure.of(compute(sample) for sample in results.samples
                         if sample["work"] == work and sample["server"] == server)
    return find


def value(work, server, name):
    return lambda results: results.figure(work, server, name)


SAME_WORK = ("d1", "d16", "64k", "1000")
SLOWER = ("gnet", "evio", "node", "erlang", "uvloop", "netty", "swoole", "workerman")
AT_THE_FLOOR = ("libuv", "asio", "tokio")


def peer_rows():
    """Against each peer, in the work in which we are worst."""
    for peers, limit in (SLOWER, Limit("<", 1)), (AT_THE_FLOOR, at_most(1.10)):
        for peer in peers:
            ratios = {work: cpu(work, INLINE, peer) for work in SAME_WORK}
            yield Row(f"against-{peer}", f"inline against {peer}, all echo work: CPU a request",
                      limit, highest(ratios), where_highest(ratios))


def flat_rows():
    """The bar has no number for these: what the floor needs more is not the server's fault."""
    for name, text in (("flat", "10 to 10,000 connections"), ("workers", "1 to 8 workers")):
        cases = (10, 100, 1000, 10000) if name == "flat" else (1, 2, 4, 8)
        ratios = {f"{name}-{count}": cpu(f"{name}-{count}", INLINE, FLOOR) for count in cases}
        yield Row(name, f"{text}, inline: CPU a request against the floor with as many",
                  at_most(1.15), highest(ratios), where_highest(ratios))


def kept_goodput(results):
    """At the last step, against that at the best one."""
    steps = [results.by_round("shed", at(step), "goodput") for step in STEPS]
    return Figure.of(last / max(step[number] for step in steps)
                     for number, last in steps[-1].items()
                     if all(step.get(number) for step in steps))


def urgent(sample):
    return sample["p99_flood_us"] / (2 * sample["p99_idle_us"] + sample["handler_us"])


def percent_more(figure):
    """Of a ratio: by how much of a hundred it is more than one."""
    return figure and figure.map(lambda value: (value - 1) * 100)


ROWS = (
    Row("inline-d1", "inline echo, depth 1: CPU a request against the floor", at_most(1.10),
        cpu("d1", INLINE, FLOOR)),
    Row("inline-d16", "inline echo, depth 16: CPU a request against the floor", at_most(1.10),
        cpu("d16", INLINE, FLOOR)),
    Row("pool-d1", "pooled echo, depth 1: CPU a request against the floor", at_most(1.55),
        cpu("d1", POOL, FLOOR)),
    Row("pool-d16", "pooled echo, depth 16: CPU a request against the floor", at_most(1.35),
        cpu("d16", POOL, FLOOR)),
    Row("inline-go-d1", "inline against Go, depth 1: CPU a request", at_most(0.40),
        cpu("d1", INLINE, GO)),
    Row("inline-go-d16", "inline against Go, depth 16: requests/s", at_least(20),
        ratio("requests_per_s", "d16", INLINE, GO)),
    Row("pool-go-d1", "pooled against Go, depth 1: CPU a request", at_most(0.50),
        cpu("d1", POOL, GO)),
    Row("pool-go-d16", "pooled against Go, depth 16: requests/s", at_least(15),
        ratio("requests_per_s", "d16", POOL, GO)),
    Row("inline-p99-d1", "inline against Go, depth 1: p99", at_most(0.5),
        ratio("p99_us", "d1", INLINE, GO)),
    Row("pool-p99-d1", "pooled against Go, depth 1: p99", at_most(0.5),
        ratio("p99_us", "d1", POOL, GO)),
    Row("inline-p99-d16", "inline against Go, depth 16: p99", at_most(0.1),
        ratio("p99_us", "d16", INLINE, GO)),
    Row("pool-p99-d16", "pooled against Go, depth 16: p99", at_most(0.1),
        ratio("p99_us", "d16", POOL, GO)),
    *peer_rows(),
    Row("against-libuv-textbook", "inline against a textbook libuv, depth 16: CPU a request",
        at_most(0.15), cpu("d16", INLINE, "libuv-textbook")),
    Row("inline-64k", "64 KiB messages, inline: CPU a request against the floor", at_most(1.2),
        cpu("64k", INLINE, FLOOR)),
    Row("pool-64k", "64 KiB messages, pooled: CPU a request against the floor", at_most(1.7),
        cpu("64k", POOL, FLOOR)),
    Row("churn", "connect, ask, close: CPU a connection against the floor", at_most(1.15),
        cpu("churn", INLINE, FLOOR)),
    Row("burn4-p99", "50 us handler in the pool, depth 4, against Go: p99", at_most(0.3),
        ratio("p99_us", "burn4", POOL, GO)),
    Row("burn1-p99", "50 us handler in the pool, depth 1, against Go: p99", at_most(0.3),
        ratio("p99_us", "burn1", POOL, GO)),
    Row("burn4-rate", "50 us handler in the pool, depth 4, against Go: requests/s",
        at_least(1.3), ratio("requests_per_s", "burn4", POOL, GO)),
    Row("burn1-rate", "50 us handler in the pool, depth 1, against Go: requests/s",
        at_least(1.15), ratio("requests_per_s", "burn1", POOL, GO)),
    Row("burn4-inline", "50 us handler, depth 4, pooled against inline: CPU a request",
        at_most(1.10), cpu("burn4", POOL, INLINE)),
    Row("burn1-inline", "50 us handler, depth 1, pooled against inline: CPU a request",
        at_most(1.10), cpu("burn1", POOL, INLINE)),
    Row("memory-inline", "an idle connection, inline: memory of all processes",
        at_most(512, " B"), value("memory", INLINE, "bytes_per_connection")),
    Row("memory-pool", "an idle connection, pooled: memory of all processes",
        at_most(512, " B"), value("memory", POOL, "bytes_per_connection")),
    Row("scale", "40,000 connections, 36,000 idle, inline: p99 against 1,000 connections",
        at_most(1.5), each_round("scale", INLINE,
                                 lambda sample: sample["p99_many_us"] / sample["p99_few_us"])),
    Row("limits", "limits, timeouts, ids on, depth 16: their share of the CPU a request",
        at_most(5, " %"),
        lambda results: percent_more(cpu("limits", "preforkd-full", "preforkd-bare")(results))),
    *(Row(f"spread-{workers}-{count}",
          f"spread, shared listener, {workers} workers, {count:,} connections: most to least",
          at_most(1.3 if count == 50 else 1.05),
          value("spread", INLINE, f"spread_{workers}_{count}"))
      for count in (50, 1000) for workers in (2, 4)),
    *(Row(f"spread-reuse-port-{workers}",
          f"spread, reuse_port, {workers} workers, 1,000 connections: most to least", at_most(1.3),
          value("spread", "preforkd-reuse-port", f"spread_{workers}_1000"))
      for workers in (2, 4)),
    Row("struct", "connection struct with id and address entries (asserted when compiled)",
        at_most(256, " B"), lambda results: Figure.of(results.about.get("connection_bytes", []))),
    # What the bar has no number for, from here on.
    Row("rush", "10,000 connections at once: failures", at_most(0),
        value("rush", INLINE, "failures")),
    *flat_rows(),
    Row("workers-rate", "8 workers against 2, inline: requests/s", at_least(0.85),
        lambda results: results.ratio("requests_per_s", ("workers-8", INLINE),
                                      ("workers-2", INLINE))),
    Row("shed-goodput", "overload, shed, at twice the capacity: right replies/s against the peak",
        at_least(0.90), kept_goodput),
    Row("shed-p99", "the same: p99 of those accepted against what a full queue takes",
        at_most(1.5), each_round("shed", at(STEPS[-1]),
                                 lambda sample: sample["p99_us"] / sample["longest_wait_us"])),
    Row("wait-memory", "overload, wait: memory late against early", at_most(1.05),
        each_round("wait", POOL, lambda sample: sample["late_bytes"] / sample["early_bytes"])),
    Row("urgent", "p99 of high under a flood of low, against twice idle and a handler",
        at_most(1), each_round("urgent", POOL, urgent)),
)
