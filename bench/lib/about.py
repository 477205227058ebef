"""Where, when and of what: what has to stand beside figures for anybody to believe them."""

import os
import platform
import re
import subprocess
import sys
import time


def output_of(*command, folder=None):
    """What a command prints, empty if it cannot be run."""
    try:
        return subprocess.run(command, cwd=folder, check=False, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL).stdout.strip()
    except FileNotFoundError:
        return ""


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def machine():
    cpu = re.search(r"^model name\s*: (.*)", read("/proc/cpuinfo"), re.M)
    memory = re.search(r"^MemTotal: +(\d+)", read("/proc/meminfo"), re.M)
    system = re.search(r'^PRETTY_NAME="(.*)"', read("/etc/os-release"), re.M)
    return ", ".join([
        f"{len(os.sched_getaffinity(0))} CPUs ({cpu.group(1) if cpu else platform.machine()})",
        f"{int(memory.group(1)) >> 20 if memory else 0} GiB",
        system.group(1) if system else platform.system(), f"Linux {platform.release()}"])


def commit(source):
    """Of the checkout, with a word if files differ from it."""
    name = output_of("git", "describe", "--always", "--abbrev=12", "--dirty", folder=source)
    return name or "not a checkout"


def connection_bytes(source):
    """The limit that the source asserts for a connection, when it is compiled."""
    match = re.search(r"static_assert\(sizeof\(struct session\).*?<=\s*(\d+)",
                      read(os.path.join(source, "src/worker/session.c")), re.S)
    return [int(match.group(1))] if match else []


def collect(source, build, rounds, seconds):
    flags = re.search(r"^CFLAGS = (.*)", read(os.path.join(build, "Makefile")), re.M)
    return {
        "command": " ".join(["bench/run", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": machine(),
        "commit": commit(source),
        "compiler": f"{output_of('cc', '--version').splitlines()[0]}, "
                    f"{flags.group(1) if flags else 'flags unknown'}",
        "rounds": f"{rounds}, each measurement {seconds:g} s; medians, (least-most)",
        "connection_bytes": connection_bytes(source),
    }
