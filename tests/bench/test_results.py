"""Unit tests of bench/lib: medians, ratios within a round, and the verdicts of the bar.

    python3 -m unittest discover -s tests/bench
"""

import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/lib"))

import bar  # noqa: E402
import table  # noqa: E402
from echo import Echo  # noqa: E402
from overload import STEPS, at  # noqa: E402
from results import Figure, Results  # noqa: E402


def results_of(*samples):
    """Of (work, round, server, figures)."""
    results = Results()
    for sample in samples:
        results.add(*sample)
    return results


def echo(work, number, server, cpu_us, requests_per_s=1000, p99_us=100):
    return work, number, server, {"cpu_us": cpu_us, "requests_per_s": requests_per_s,
                                  "p99_us": p99_us}


def row(name):
    return next(each for each in bar.ROWS if each.name == name)


class Figures(unittest.TestCase):
    def test_a_figure_has_the_median_and_the_range(self):
        figure = Figure([5, 1, 3])
        self.assertEqual((figure.median, figure.low, figure.high), (3, 1, 5))

    def test_no_value_is_no_figure(self):
        self.assertIsNone(Figure.of([]))

    def test_a_ratio_is_taken_within_each_round(self):
        results = results_of(echo("d1", 0, "a", 10), echo("d1", 0, "b", 10),
                             echo("d1", 1, "a", 40), echo("d1", 1, "b", 20),
                             echo("d1", 2, "a", 30), echo("d1", 2, "b", 10))
        figure = results.ratio("cpu_us", ("d1", "a"), ("d1", "b"))
        self.assertEqual(sorted(figure.values), [1, 2, 3])
        self.assertEqual(figure.median, 2)

    def test_a_round_without_the_other_server_does_not_count(self):
        results = results_of(echo("d1", 0, "a", 10), echo("d1", 1, "a", 40),
                             echo("d1", 1, "b", 20))
        self.assertEqual(results.ratio("cpu_us", ("d1", "a"), ("d1", "b")).values, [2])
        self.assertIsNone(results.ratio("cpu_us", ("d1", "a"), ("d1", "c")))

    def test_a_zero_is_no_divisor(self):
        results = results_of(echo("d1", 0, "a", 10), echo("d1", 0, "b", 0))
        self.assertIsNone(results.ratio("cpu_us", ("d1", "a"), ("d1", "b")))

    def test_what_is_saved_is_loaded(self):
        results = results_of(echo("d1", 0, "a", 10))
        results.about["machine"] = "this one"
        results.skip("gnet", "not built here")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results.json")
            results.save(path)
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file)["version"], 1)
            again = Results.load(path)
        self.assertEqual((again.about, again.samples, again.skipped),
                         (results.about, results.samples, results.skipped))


class Bar(unittest.TestCase):
    def verdict(self, name, *samples):
        return row(name).judge(results_of(*samples))[1]

    def test_ids_are_unique(self):
        names = [each.name for each in bar.ROWS]
        self.assertEqual(len(names), len(set(names)))

    def test_nothing_measured_is_not_run(self):
        for each in bar.ROWS:
            self.assertEqual(each.judge(Results()), (None, "not run", ""), each.name)

    def test_at_most(self):
        at = echo("d1", 0, "floor", 10)
        self.assertEqual(self.verdict("inline-d1", at, echo("d1", 0, "preforkd-inline", 11)),
                         "pass")
        self.assertEqual(self.verdict("inline-d1", at, echo("d1", 0, "preforkd-inline", 11.1)),
                         "short")

    def test_at_least(self):
        at = echo("d16", 0, "go", 1, requests_per_s=100)
        for rate, verdict in (2000, "pass"), (1990, "short"):
            ours = echo("d16", 0, "preforkd-inline", 1, requests_per_s=rate)
            self.assertEqual(self.verdict("inline-go-d16", at, ours), verdict)

    def test_below_is_not_at(self):
        for ours, verdict in (10, "short"), (9.9, "pass"):
            samples = [echo(work, 0, server, cost) for work in ("d1", "d16")
                       for server, cost in (("node", 10), ("preforkd-inline", ours))]
            self.assertEqual(self.verdict("against-node", *samples), verdict)

    def test_against_a_peer_the_worst_work_counts_and_is_named(self):
        figure, verdict, note = row("against-libuv").judge(results_of(
            echo("d1", 0, "libuv", 10), echo("d1", 0, "preforkd-inline", 10),
            echo("64k", 0, "libuv", 10), echo("64k", 0, "preforkd-inline", 15)))
        self.assertEqual((figure.median, verdict, note), (1.5, "short", "most at 64k"))

    def test_the_median_is_what_is_judged(self):
        samples = []
        for number, cost in enumerate((10, 10, 90)):
            samples += [echo("d1", number, "floor", 10),
                        echo("d1", number, "preforkd-inline", cost)]
        self.assertEqual(self.verdict("inline-d1", *samples), "pass")

    def test_the_share_of_limits_is_a_percentage(self):
        figure, verdict, _ = row("limits").judge(results_of(
            echo("limits", 0, "preforkd-bare", 10), echo("limits", 0, "preforkd-full", 10.6)))
        self.assertAlmostEqual(figure.median, 6)
        self.assertEqual(verdict, "short")

    def test_memory_has_a_unit(self):
        figure, verdict, _ = row("memory-inline").judge(results_of(
            ("memory", 0, "preforkd-inline", {"bytes_per_connection": 400})))
        self.assertEqual((figure.median, verdict), (400, "pass"))
        self.assertEqual(str(row("memory-inline").limit), "<= 512 B")

    def test_goodput_at_twice_the_capacity_is_compared_with_the_peak(self):
        goodput = dict(zip(STEPS, (50, 80, 100, 90, 85)))
        results = results_of(*(("shed", 0, at(step), {"goodput": goodput[step], "p99_us": 90,
                                                      "longest_wait_us": 100})
                               for step in STEPS))
        self.assertAlmostEqual(row("shed-goodput").figure(results).median, 0.85)
        self.assertAlmostEqual(row("shed-p99").figure(results).median, 0.9)

    def test_urgent_requests_may_take_twice_as_long_and_a_handler(self):
        for flood, verdict in (2500, "pass"), (2600, "short"):
            sample = {"p99_idle_us": 1000, "p99_flood_us": flood, "handler_us": 500}
            self.assertEqual(self.verdict("urgent", ("urgent", 0, "preforkd-pool", sample)),
                             verdict)


class Tables(unittest.TestCase):
    def setUp(self):
        self.work = Echo("d1", "a work")
        self.results = results_of(echo("d1", 0, "floor", 10), echo("d1", 0, "go", 26),
                                  echo("d1", 1, "floor", 12), echo("d1", 1, "go", 30))
        self.results.skip("gnet", "not built here")

    def test_a_row_has_medians_ranges_and_the_ratio_to_the_floor(self):
        headings, rows = table.work_table(self.results, self.work)
        self.assertEqual(headings[:3], ["server", "CPU us a request", "x floor"])
        self.assertEqual(rows[1][:3], ["go", "28.0 (26.0-30.0)", "2.55 (2.50-2.60)"])

    def test_the_report_has_every_row_of_the_bar(self):
        for markdown in False, True:
            text = table.report(self.results, [self.work], markdown)
            for each in bar.ROWS:
                self.assertIn(each.text, text)
            self.assertIn("skipped: gnet: not built here", text)

    def test_verdicts_add_up(self):
        self.assertEqual(sum(table.verdicts(self.results).values()), len(bar.ROWS))


if __name__ == "__main__":
    unittest.main()
