"""As many connections as there can be, nearly all of them idle, beside few: what the active ones
notice.

A process may usually open 20,000 files, and a pair of addresses has 28,000 ports. So there are four
server processes, four of clients with an address each, and a network of their own, in which nobody
else uses ports."""

from echo import SOURCES, figures_of
from servers import can_be_alone
from work import Column, Work

PROCESSES = 4
ACTIVE = 4000
IDLE = 36000
FEW = 1000
WARM_UP = "3s"  # by then the kernel has tried again whatever found a full queue
SHARE = 0.3  # of the requests of a second that FEW connections can have, for both loads


class Scale(Work):
    name = "scale"
    text = (f"{ACTIVE:,} active and {IDLE:,} idle connections beside {FEW:,} active ones, "
            "at the same rate of requests")
    columns = (Column("rate", "requests/s"), Column("p50_few_us", f"p50 us of {FEW:,}"),
               Column("p50_many_us", "of 40,000"), Column("p99_few_us", f"p99 us of {FEW:,}"),
               Column("p99_many_us", "of 40,000"))

    def run(self, round_):
        if not can_be_alone():
            round_.skip(self.name, "needs a network namespace: root, and unshare(1)")
            return
        self.each(round_, ["preforkd-inline", "floor"],
                  lambda name: self.measure(round_, name))

    def measure(self, round_, name):
        settings = {"max_connections": ACTIVE + IDLE + 10000}
        with round_.fresh(name, workers=PROCESSES, settings=settings, alone=True) as server:
            few = ("--connections", FEW)
            most = self.load(round_, server, round_.seconds, *few)["requests_per_s"]
            rate = max(round(most * SHARE), 1)
            calm = figures_of(self.load(round_, server, 2 * round_.seconds, *few,
                                        "--rate", rate), None)
            many = figures_of(self.load(round_, server, 2 * round_.seconds, "--connections",
                                        ACTIVE, "--idle", IDLE, "--rate", rate,
                                        "--warmup", WARM_UP), None)
        return {"rate": rate, "p50_few_us": calm["p50_us"], "p50_many_us": many["p50_us"],
                "p99_few_us": calm["p99_us"], "p99_many_us": many["p99_us"],
                "failures": many["failures"]}

    @staticmethod
    def load(round_, server, seconds, *arguments):
        return round_.bench.run(server, seconds, "--processes", PROCESSES, "--source", SOURCES,
                                *arguments)
