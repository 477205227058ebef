"""Runs preforkd under valgrind's callgrind and reads what it counted.

Counted is what the worker executes in user space, its start and its end included, all threads
together: instructions, and how many system calls it makes. The kernel's own instructions are not.
Reading the clock is a system call under valgrind alone, and is counted apart.
"""

import collections
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

# One worker, which must not be stopped for being slow.
SETTINGS = ("workers=1", "start_timeout=5m", "watchdog_timeout=off")
STOP_TIMEOUT_S = 120
COSTS = re.compile(r"(?:[+-]?\d+|0x[0-9a-f]+|\*)((?: \d+)*)$")
NAME = re.compile(r"(c?fn|c?ob)=\((\d+)\)(?: (.*))?$")
CLOCK = "clock_gettime"


class Failure(Exception):
    """The server did not do what it was started for."""


class Counts:
    """Costs of functions, without those of the functions that they call: each a Counter by the
    function's name."""

    KINDS = ("instructions", "system_calls", "clock_reads")

    def __init__(self):
        for kind in self.KINDS:
            setattr(self, kind, collections.Counter())

    def minus(self, other):
        result = Counts()
        for kind in self.KINDS:
            counter = getattr(result, kind)
            counter.update(getattr(self, kind))
            counter.subtract(getattr(other, kind))
        return result

    def add(self, function, costs):
        """COSTS as callgrind writes them: instructions, system calls, their time. Zeros at the
        end are left out."""
        if costs:
            self.instructions[function] += costs[0]
        if len(costs) > 1:
            kind = self.clock_reads if function == CLOCK else self.system_calls
            kind[function] += costs[1]


def read_profile(lines):
    """The Counts in a file of callgrind's, see "Callgrind Format Specification" in valgrind's
    manual. A name stands there once, with a number that is used from then on; called ones share
    theirs with the others."""
    counts, names = Counts(), {}
    library, function, is_call = "", "", False
    for line in lines:
        if match := NAME.match(line):
            what, number, name = match.groups()
            name = names.setdefault((what[-2:], number), name)
            if what == "ob":
                library = name
            elif what == "fn":
                function = readable(name, library)
        elif line.startswith("calls="):
            is_call = True  # the next line is what the called function cost: it has that itself
        elif match := COSTS.match(line):
            if not is_call:
                counts.add(function, [int(cost) for cost in match.group(1).split()])
            is_call = False
    return counts


def readable(function, library):
    """Without its version; of a function without a name, the library."""
    if function.startswith("0x"):
        return f"[{os.path.basename(library)}]"
    return function.partition("@@")[0]


class Server:
    """An echo server with one worker, under callgrind, on a port that the kernel chooses. Use it in
    a `with`, which waits until it is ready and ends it; `counts` is there once it has ended."""

    def __init__(self, preforkd, settings):
        self.preforkd, self.settings = preforkd, settings
        self.folder = tempfile.mkdtemp(prefix="instructions-")
        self.process = None
        self.log = []
        self.address = None
        self.counts = None

    def __enter__(self):
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            self.remove()
            raise
        return self

    def command(self):
        user = pwd.getpwuid(os.geteuid()).pw_name  # who can write to the folder
        command = [
            "valgrind", "--tool=callgrind", "--trace-children=yes", "--dump-instr=no",
            "--collect-systime=yes", "--fair-sched=try",
            f"--callgrind-out-file={self.folder}/counts.%p", f"--log-file={self.folder}/log.%p",
            self.preforkd, "--listen", "127.0.0.1:0", "--module", "echo"]
        for setting in (*SETTINGS, f"user={user}", *self.settings):
            command += ["--set", setting]
        return command

    def start(self):
        """Signals wait until the process is known, and with it what to stop."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __exit__(self, kind, *_):
        try:
            self.stop()
            if kind is None:
                self.counts = self.read_counts()
        finally:
            self.remove()

    def wait_until_ready(self):
        for line in self.process.stderr:
            self.log.append(line)
            if match := re.search(r"msg=listening .*address=(\S+)", line):
                self.address = match.group(1)
            if "msg=ready " in line:
                return
        raise Failure("preforkd does not start under valgrind:\n" + self.all_logs())

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.log.append(self.process.communicate(timeout=STOP_TIMEOUT_S)[1])
        except subprocess.TimeoutExpired:
            self.process.kill()  # its worker sees that the master is gone, and ends
            self.process.communicate()

    def read_counts(self):
        """Of the worker: the one process beside the master."""
        files = set(glob.glob(f"{self.folder}/counts.*"))
        files.discard(f"{self.folder}/counts.{self.process.pid}")
        if self.process.returncode != 0 or len(files) != 1:
            raise Failure("preforkd did not end in order:\n" + self.all_logs())
        with open(files.pop(), encoding="utf-8") as file:
            return read_profile(file)

    def all_logs(self):
        text = "".join(self.log)
        for name in sorted(glob.glob(f"{self.folder}/log.*")):
            with open(name, encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text.rstrip()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def is_there():
    return shutil.which("valgrind") is not None
