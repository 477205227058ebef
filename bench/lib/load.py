"""Runs preforkbench."""

import json
import os
import subprocess

# Never one thread alone, which could not keep up with two server processes.
THREADS = min(max(2, os.cpu_count() or 1), 4)
SPARE = 60  # seconds that a run may take longer than it was told to


class LoadError(Exception):
    """preforkbench could not do what it was asked."""


class Load:
    """A run that goes on: started by Bench.start, its result is asked for by `finish`."""

    def __init__(self, command, seconds):
        self.seconds = seconds
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def runs(self):
        return self.process.poll() is None

    def finish(self):
        """The JSON object that it prints. Requests that failed are in its errors."""
        try:
            output, said = self.process.communicate(timeout=self.seconds + SPARE)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            raise LoadError(f"{' '.join(self.command)} did not end") from late
        if self.process.returncode not in (0, 1):
            raise LoadError(f"{' '.join(self.command)}: exit {self.process.returncode}: "
                            f"{said.strip()[-300:]}")
        return json.loads(output)


class Bench:
    """The program, and how it is started."""

    def __init__(self, program):
        self.program = program

    def start(self, server, seconds, *arguments, address=None):
        """ARGUMENTS against SERVER, or another ADDRESS of it, in its network, for SECONDS."""
        return self.launch(server, seconds, "--duration", f"{round(seconds * 1000)}ms",
                           *arguments, address or server.address)

    def run(self, server, seconds, *arguments):
        with self.start(server, seconds, *arguments) as load:
            return load.finish()

    def requests(self, server, count, *arguments):
        """So many requests, for as long as that takes."""
        with self.launch(server, 0, "--requests", count, *arguments, server.address) as load:
            return load.finish()

    def launch(self, server, seconds, *arguments):
        return Load([*server.enter(), self.program, "--json", *map(str, arguments)], seconds)


def failures(result):
    """How many requests and connections have failed, for whatever reason."""
    return sum(result["errors"].values())
