"""Unit tests of bench/lib/callgrind.py: what is read from a file of callgrind's.

    python3 -m unittest discover -s tests/bench
"""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/lib"))

import callgrind  # noqa: E402

PROFILE = """\
# callgrind format
version: 1
pid: 17
positions: line
events: Ir sysCount sysTime
summary: 171 4 9

ob=(1) /usr/lib/libwork.so.1.2
fl=(1) work.c
fn=(1) run
10 5
+2 3
cob=(2) /usr/lib/libc.so.6
cfi=(2) write.c
cfn=(2) write@@GLIBC_2.2.5
calls=2 40
* 30 2 6
-1 4
fe=(1)
12 1

fn=(3) 0x0000000000001c7c0
0 8
cfn=(1)
calls=1 10
* 13

ob=(2)
fl=(2)
fn=(2)
40 30 2 6
fn=(4) clock_gettime@@GLIBC_2.17
50 20 2 3
fn=(5) empty
60
"""


class ReadProfile(unittest.TestCase):
    def setUp(self):
        self.counts = callgrind.read_profile(PROFILE.splitlines(keepends=True))

    def test_each_function_has_its_own_instructions_and_not_those_it_calls(self):
        self.assertEqual(self.counts.instructions, {
            "run": 13, "[libwork.so.1.2]": 8, "write": 30, "clock_gettime": 20})

    def test_reading_the_clock_is_no_system_call(self):
        self.assertEqual(self.counts.system_calls, {"write": 2})
        self.assertEqual(self.counts.clock_reads, {"clock_gettime": 2})

    def test_a_difference_keeps_what_only_one_side_has(self):
        other = callgrind.Counts()
        other.add("run", [3])
        other.add("start", [7, 1])
        rest = self.counts.minus(other)
        self.assertEqual(rest.instructions["run"], 10)
        self.assertEqual(rest.instructions["start"], -7)
        self.assertEqual(rest.system_calls, {"write": 2, "start": -1})


if __name__ == "__main__":
    unittest.main()
