"""What each piece of work is given: the servers of a round, the load generator, the results."""

import sys

from load import LoadError
from servers import OURS, Missing, ServerError

WARM_UP = {"netty": 10, "node": 2}  # seconds


class Session:
    """What stays the same from round to round."""

    def __init__(self, catalog, bench, results, seconds, peers):
        self.catalog = catalog
        self.bench = bench
        self.results = results
        self.seconds = seconds  # of one measurement
        self.peers = peers      # the names of those that take part

    def takes_part(self, name):
        return name in OURS or name.removesuffix("-again") in self.peers

    @staticmethod
    def say(text):
        print(text, file=sys.stderr, flush=True)


class Round:
    """One turn of all work. Servers start when they are asked for first and stay until the end, so
    that what is compared is measured shortly one after the other."""

    def __init__(self, session, number):
        self.session = session
        self.bench = session.bench
        self.seconds = session.seconds
        self.number = number
        self.running = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self.running:
            self.running.popitem()[1].stop()

    def server(self, name, **variant):
        """The server of this name, as Catalog.start makes it."""
        key = (name, *sorted(variant.items()))
        if key in self.running and not self.running[key].is_alive():
            self.session.say(self.running[key].obituary())
            self.running.pop(key).stop()
        if key not in self.running:
            self.running[key] = self.session.catalog.start(name, **variant)
            self.warm_up(self.running[key])
        return self.running[key]

    def warm_up(self, server):
        """Those that compile what runs often get the time to do so."""
        if server.name in WARM_UP:
            self.bench.run(server, min(WARM_UP[server.name], 10 * self.seconds), "--pipeline", 4)

    def fresh(self, name, **variant):
        """One of its own, which whoever asks for it stops."""
        return self.session.catalog.start(name, **variant)

    def turn(self, names):
        """In an order that each round begins at another place."""
        first = self.number % len(names) if names else 0
        return names[first:] + names[:first]

    def each(self, work, names, measure):
        """Adds what measure(name) returns for each of the servers. A peer that is not here, and
        what fails, is skipped with a word."""
        for name in self.turn([name for name in names if self.session.takes_part(name)]):
            try:
                figures = measure(name)
            except Missing as missing:
                self.skip(name, str(missing))
            except (ServerError, LoadError, OSError) as error:
                self.skip(f"{work.name} of {name}", str(error))
            else:
                for server, kept in work.samples(name, figures).items():
                    self.add(work, server, kept)

    def add(self, work, server, figures):
        self.session.results.add(work.name, self.number, server, figures)
        self.session.say(f"round {self.number + 1}: {work.name}: {server}: "
                         f"{work.summary(figures)}")

    def skip(self, name, why):
        self.session.results.skip(name, why)
        self.session.say(f"skipped: {name}: {why}")
