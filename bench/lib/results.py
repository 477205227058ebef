"""What was measured, and what can be said of it: medians, ranges, and ratios of what was measured
in the same round."""

import json
import statistics


class ResultsError(Exception):
    """A file is not what it should be."""


class Figure:
    """A median over the rounds, with its range."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values)
        self.low = min(self.values)
        self.high = max(self.values)

    def map(self, function):
        """The same of what FUNCTION makes of each value."""
        return Figure(map(function, self.values))

    @staticmethod
    def of(values):
        """None if there is no value."""
        values = list(values)
        return Figure(values) if values else None


class Results:
    """Samples: one for each work, round and server, with its figures by name. About says where,
    when and how; skipped why a server, or a work, was left out."""

    def __init__(self, about=None, samples=None, skipped=None):
        self.about = about or {}
        self.samples = samples if samples is not None else []
        self.skipped = skipped if skipped is not None else {}

    @staticmethod
    def load(path):
        with open(path, encoding="utf-8") as file:
            try:
                data = json.load(file)
                return Results(data["about"], data["samples"], data["skipped"])
            except (ValueError, KeyError, TypeError) as error:
                raise ResultsError(f"{path} is not what bench/run --json writes") from error

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "about": self.about, "skipped": self.skipped,
                       "samples": self.samples}, file, indent=1)
            file.write("\n")

    def add(self, work, number, server, figures):
        self.samples.append(dict(figures, work=work, round=number, server=server))

    def skip(self, name, why):
        self.skipped.setdefault(name, why)

    def works(self):
        """In the order in which they were measured first."""
        return list(dict.fromkeys(sample["work"] for sample in self.samples))

    def servers(self, work):
        """In the order of the first round, in which nothing was rotated."""
        return list(dict.fromkeys(sample["server"] for sample in self.samples
                                  if sample["work"] == work))

    def by_round(self, work, server, name):
        """The values of one figure, by the number of the round."""
        return {sample["round"]: sample[name] for sample in self.samples
                if sample["work"] == work and sample["server"] == server
                and sample.get(name) is not None}

    def figure(self, work, server, name):
        """None if it was not measured."""
        return Figure.of(self.by_round(work, server, name).values())

    def ratio(self, name, of, to):
        """What the figure NAME of the (work, server) OF is to that of TO: taken within each round,
        then the median of these. None if no round has both."""
        first = self.by_round(*of, name)
        second = self.by_round(*to, name)
        return Figure.of(value / second[number] for number, value in first.items()
                         if second.get(number))
