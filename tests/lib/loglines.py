#!/usr/bin/python3
"""Reads a log as strictly as its formats are written.

    loglines.py logfmt|json FILE [KEY=VALUE ...] [KEY]

Fails at the first line that is not one, and says which. Then prints KEY (or all, as JSON) of each
line that has these values.
"""
import json
import re
import sys

PAIR = re.compile(rb'([a-z][a-z0-9_]*)=("(?:[^"\\\x00-\x1f\x7f]|\\.)*"|[^\s"=\\\x00-\x20\x7f-\xff]+)')
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HEAD = ("time", "level", "process", "msg")


def no_doubles(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def parse_logfmt(line):
    pairs, at = [], 0
    while at < len(line):
        if pairs:
            if line[at:at + 1] != b" ":
                raise ValueError(f"no blank at byte {at}")
            at += 1
        match = PAIR.match(line, at)
        if not match:
            raise ValueError(f"no key=value at byte {at}")
        value = match[2].decode("utf-8")
        pairs.append((match[1].decode(), json.loads(value) if value[0] == '"' else value))
        at = match.end()
    return no_doubles(pairs)


def parse_json(line):
    fields = json.loads(line.decode("utf-8"), object_pairs_hook=no_doubles)
    return {key: str(value) for key, value in fields.items()}


def check(fields):
    for key in HEAD:
        if key not in fields:
            raise ValueError(f"no {key}")
    if not STAMP.fullmatch(fields["time"]):
        raise ValueError("time is not as RFC 3339 has it")
    if fields["level"] not in ("debug", "info", "warn", "error"):
        raise ValueError("no such level")


def main():
    parse = {"logfmt": parse_logfmt, "json": parse_json}[sys.argv[1]]
    wanted = [word.split("=", 1) for word in sys.argv[3:] if "=" in word]
    shown = [word for word in sys.argv[3:] if "=" not in word]
    with open(sys.argv[2], "rb") as file:
        data = file.read()
    if data and not data.endswith(b"\n"):
        sys.exit("the last line has no end")
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            fields = parse(line)
            check(fields)
        except ValueError as error:
            sys.exit(f"line {number}: {error}: {line!r}")
        if all(fields.get(key) == value for key, value in wanted):
            print(fields.get(shown[0]) if shown else json.dumps(fields, sort_keys=True))


if __name__ == "__main__":
    main()
