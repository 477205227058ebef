#!/usr/bin/python3
"""A syslogd that keeps what it gets as it comes, and a strict reader of that.

    syslog.py receive SOCKET FILE [--deaf]

Appends each datagram to FILE as a line; with --deaf, once SIGUSR1 tells it to read at all.

    syslog.py bodies FILE

Fails at the first line of FILE that is not as RFC 3164 wants it of preforkd, in local time and
with the severity of its level; prints what stands behind the heads.
"""
import datetime
import re
import signal
import socket
import sys

DAEMON = 3
SEVERITIES = {"debug": 7, "info": 6, "warn": 4, "error": 3}
LINE = re.compile(r"<(\d{1,3})>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) preforkd\[([1-9]\d*)\]: (.*)")
LEVEL = re.compile(r'level"?[=:]"?([a-z]+)')


def receive(path, file, deaf):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    with open(file, "ab", buffering=0) as out:
        if deaf:
            signal.sigwait([signal.SIGUSR1])
        while True:
            out.write(sock.recv(65536) + b"\n")


def body(line, year):
    match = LINE.fullmatch(line)
    if not match:
        raise ValueError("not as RFC 3164 has it")
    stamp = datetime.datetime.strptime(f"{year} {match[2]}", "%Y %b %d %H:%M:%S")
    if abs(datetime.datetime.now() - stamp) > datetime.timedelta(minutes=5):
        raise ValueError("not the local time")
    level = LEVEL.search(match[4])[1]
    if int(match[1]) != DAEMON * 8 + SEVERITIES[level]:
        raise ValueError(f"not the priority of {level}")
    return match[4]


def bodies(file):
    year = datetime.datetime.now().year
    with open(file, encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            try:
                print(body(line.rstrip("\n"), year))
            except ValueError as error:
                sys.exit(f"{file}:{number}: {error}: {line!r}")


if sys.argv[1] == "receive":
    receive(sys.argv[2], sys.argv[3], "--deaf" in sys.argv)
else:
    bodies(sys.argv[2])
