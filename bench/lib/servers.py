"""The servers: preforkd in several settings, and the peers that bench/peers/start knows."""

import os
import signal
import socket
import subprocess
import tempfile
import time

import processes

WORKERS = 2
MAX_CONNECTIONS = 15000 # a worker can have as many with the 20,000 descriptors that are usual
START_PATIENCE = 30  # seconds
CONNECT_PATIENCE = 30
STOP_PATIENCE = 10
MISSING = 69         # exit status of bench/peers/start: EX_UNAVAILABLE

# A network of its own, with a loopback that works; the pid stays that of the command.
ALONE = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]

# Nothing that preforkd can do without; and everything that it can do besides, with limits that
# this benchmark does not reach.
BARE = {"idle_timeout": "off", "read_timeout": "24h", "write_timeout": "24h",
        "tcp_keepalive": "off"}
FULL = {"idle_timeout": "60s", "read_timeout": "10s", "write_timeout": "10s",
        "request_timeout": "30s", "tcp_keepalive": "30s", "max_connections_per_ip": 1000000,
        "accept_rate": 1000000, "allow": "127.0.0.0/8", "deny": "192.0.2.0/24"}

# Name: settings of preforkd.conf(5).
OURS = {
    "preforkd-inline": {"dispatch": "inline"},
    "preforkd-pool": {"dispatch": "pool"},
    "preforkd-bare": {"dispatch": "inline", **BARE},
    "preforkd-full": {"dispatch": "inline", **FULL},
    "preforkd-reuse-port": {"dispatch": "inline", "reuse_port": "true"},
}

PRIORITIES = """
workers = 1
threads = 1
services = {{
    urgent = {{
        listen = "127.0.0.1:{high}"
        module = "echo"
        priority = "high"
        options = {{ burn_us = {burn_us} }}
    }}
    usual = {{
        listen = "127.0.0.1:{low}"
        module = "echo"
        priority = "low"
        options = {{ burn_us = {burn_us} }}
    }}
}}
"""


class ServerError(Exception):
    """A server did not start."""


class Missing(ServerError):
    """A peer that cannot be had here, and why."""


def free_ports(count):
    """Ports that nothing is bound to."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def can_be_alone():
    """Whether servers can have a network of their own here."""
    try:
        return subprocess.run([*ALONE, "true"], stdin=subprocess.DEVNULL, capture_output=True,
                              check=False).returncode == 0
    except FileNotFoundError:
        return False


class Server:
    """A server that runs from here to `stop`, on PORT of 127.0.0.1."""

    def __init__(self, name, command, port, environment=None, alone=False):
        self.name = name
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.alone = alone
        self.others = []  # addresses besides
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*(ALONE if alone else ()), *command], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env={**os.environ, **(environment or {})}, start_new_session=True)
        self.pid = self.process.pid
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def enter(self):
        """What to put before a command that is to run in the server's network."""
        return ["nsenter", "-t", str(self.pid), "-n"] if self.alone else []

    def wait_until_it_listens(self):
        end = time.monotonic() + START_PATIENCE
        while not self.listens():
            if not self.is_alive():
                failure = Missing if self.process.returncode == MISSING else ServerError
                raise failure(self.last_words() or self.obituary())
            if time.monotonic() > end:
                raise ServerError(f"{self.name}: does not listen: {self.last_words()}")
            time.sleep(0.01)

    def listens(self):
        """By the kernel's list, for a connection to try it would be counted by a server."""
        return bool(self.sockets("listening"))

    def sockets(self, state):
        return processes.tcp_sockets(state, self.port, self.enter())

    def is_alive(self):
        return self.process.poll() is None

    def obituary(self):
        return f"{self.name}: ended with {self.process.returncode}: {self.last_words()}"

    def last_words(self):
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def cpu_seconds(self):
        return processes.cpu_seconds(self.pid)

    def memory_bytes(self):
        return processes.memory_bytes(self.pid)

    def connections(self):
        """How many clients each of its processes has."""
        return processes.sockets_by_process(self.pid, self.sockets("established"))

    def wait_for_clients(self, count, load):
        """Until each of so many is with one of its processes. LOAD is where they come from."""
        end = time.monotonic() + CONNECT_PATIENCE
        while processes.open_files(self.pid) < count or sum(self.connections()) < count:
            if not load.runs():
                load.finish()
                raise ServerError(f"{self.name}: the load ended before {count} were connected")
            if time.monotonic() > end:
                raise ServerError(f"{self.name}: {sum(self.connections())} of {count} connected")
            time.sleep(0.02)

    def stop(self):
        """Asks it to end; whatever is left of it after a while is killed, each by its pid."""
        everything = processes.tree(self.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            for pid in everything:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.wait()
        self.log.close()


class Catalog:
    """Knows how to start each server. PREFORKD is the program, PEERS the script that starts peers,
    PEERS_BUILD where these were built."""

    def __init__(self, preforkd, peers, peers_build):
        self.preforkd = preforkd
        self.peers = peers
        self.environment = {"BENCH_BUILD": peers_build}

    def start(self, name, workers=WORKERS, burn_us=0, settings=None, alone=False):
        """Server NAME; preforkd with further SETTINGS. Its handler uses BURN_US of CPU time."""
        port, = free_ports(1)
        if name in OURS:
            options = {"burn_us": burn_us} if burn_us else {}
            command = self.command(port, {"workers": workers, **OURS[name], **(settings or {})},
                                   options)
            return Server(name, command, port, alone=alone)
        environment = {**self.environment, **({"BURN_US": str(burn_us)} if burn_us else {})}
        return Server(name, [self.peers, name, str(port), str(workers)], port, environment, alone)

    def start_priorities(self, name, burn_us):
        """A preforkd of one worker with one thread, whose first port has a high priority, and the
        other one, in `others`, a low one."""
        high, low = free_ports(2)
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(PRIORITIES.format(high=high, low=low, burn_us=burn_us))
            file.flush()
            server = Server(name, [self.preforkd, "-c", file.name], high)
        server.others = [f"127.0.0.1:{low}"]
        return server

    def command(self, port, settings, options):
        command = [self.preforkd, "--listen", f"127.0.0.1:{port}", "--module", "echo"]
        for key, value in {"max_connections": MAX_CONNECTIONS, **settings}.items():
            command += ["--set", f"{key}={value}"]
        for key, value in options.items():
            command += ["--option", f"{key}={value}"]
        return command

    def known_peers(self):
        """Lines of `bench/peers/start --list`: name, whether it is there, what it is."""
        if not os.access(self.peers, os.X_OK):
            return []
        output = subprocess.run([self.peers, "--list"], check=True, text=True,
                                stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                env={**os.environ, **self.environment}).stdout
        return [line.split("\t", 2) for line in output.splitlines()]
