"""CPU time, memory and sockets of a process and all below it, from proc(5)."""

import os
import re
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """The fields of /proc/PID/stat from the state on, the third of proc(5)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(") ")[2].split()


def children_of():
    """The pids of all children, by their parent."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            children.setdefault(int(stat(name)[1]), []).append(int(name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return children


def tree(pid):
    """PID and all below it."""
    children = children_of()
    found = [pid]
    for parent in found:
        found.extend(children.get(parent, ()))
    return found


def cpu_seconds(pid):
    """User and system time of PID and all below it, of threads and children that have ended, too.

    A process by its clock (clock_getcpuclockid(3): nanoseconds, where /proc has ticks), its ended
    children by what wait(2) has added up."""
    total = 0.0
    for each in tree(pid):
        try:
            ended = stat(each)[13:15]
            total += time.clock_gettime(~each << 3 | 2)
        except (OSError, ValueError):
            continue  # it has just ended: its parent has the time next time
        total += sum(map(int, ended)) / TICK
    return total


def memory_bytes(pid):
    """Proportional set size of PID and all below it: what several of them share counts once."""
    total = 0
    for each in tree(pid):
        try:
            with open(f"/proc/{each}/smaps_rollup", encoding="ascii") as file:
                total += int(re.search(r"^Pss: +(\d+) kB", file.read(), re.M).group(1)) * 1024
        except (FileNotFoundError, ProcessLookupError, AttributeError):
            continue
    return total


def tcp_sockets(state, port, enter=()):
    """The inodes of the sockets with PORT as their own in a STATE, as ss(8) calls it, in the
    network that ENTER brings a command to. /proc/net/tcp would list all others, too."""
    output = subprocess.run([*enter, "ss", "-Htne", "state", state, "sport", "=", f":{port}"],
                            check=False, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return set(re.findall(r" ino:(\d+)", output))


def sockets(pid):
    """The inodes of the sockets that PID has open."""
    found = set()
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:
            continue
        if match:
            found.add(match.group(1))
    return found


def open_files(pid):
    """How many PID and all below it have open."""
    total = 0
    for each in tree(pid):
        try:
            total += len(os.listdir(f"/proc/{each}/fd"))
        except FileNotFoundError:
            continue
    return total


def sockets_by_process(pid, inodes):
    """How many of the sockets INODES PID and each process below it have, without those that have
    none."""
    counts = [len(sockets(each) & inodes) for each in tree(pid)]
    return [count for count in counts if count]
