"""Runs preforkctl top in a terminal of its own, and prints its last screen as text.

terminal.py KEY PATTERN PROGRAM ARGUMENT...

Presses KEY, and q once PATTERN, a regular expression over lines, is on the screen; it may not be
there before.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

ROWS, COLUMNS = 30, 110
PATIENCE_S = 20


class Screen:
    """As much of a terminal as ncurses needs with TERM=ansi."""

    def __init__(self):
        self.lines = [[" "] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0

    def clear_to_end(self):
        self.lines[self.row][self.column :] = [" "] * (COLUMNS - self.column)

    def put(self, text):
        for char in text:
            if char == "\r":
                self.column = 0
            elif char == "\n":
                self.row = min(self.row + 1, ROWS - 1)
            elif char == "\b":
                self.column = max(self.column - 1, 0)
            elif char >= " ":
                self.lines[self.row][min(self.column, COLUMNS - 1)] = char
                self.column += 1

    def command(self, numbers, letter):
        values = [int(n) if n else 0 for n in numbers.split(";")]
        first = values[0] or 1
        if letter == "H":
            self.row = min(first, ROWS) - 1
            self.column = (values[1] if len(values) > 1 and values[1] else 1) - 1
        elif letter == "J":
            self.lines = [[" "] * COLUMNS for _ in range(ROWS)]
        elif letter == "K":
            self.clear_to_end()
        elif letter == "A":
            self.row = max(self.row - first, 0)
        elif letter == "B":
            self.row = min(self.row + first, ROWS - 1)
        elif letter == "C":
            self.column += first
        elif letter == "D":
            self.column = max(self.column - first, 0)
        elif letter == "G":
            self.column = first - 1
        elif letter == "d":
            self.row = first - 1
        elif letter == "b":
            last = self.lines[self.row][self.column - 1]
            self.put(last * first)
        elif letter == "X":
            self.lines[self.row][self.column : self.column + first] = [" "] * first

    def feed(self, text):
        for part in re.finditer(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b.|([^\x1b]+)", text, re.S):
            if part.group(3) is not None:
                self.put(part.group(3))
            elif part.group(2) is not None and "?" not in part.group(1):
                self.command(part.group(1), part.group(2))

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)


def read_until(fd, screen, shown):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not shown(screen.text()):
        if select.select([fd], [], [], 0.2)[0]:
            screen.feed(os.read(fd, 65536).decode(errors="replace"))
    return shown(screen.text())


def main(key, pattern, *words):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "ansi"
        os.execv(words[0], words)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    screen = Screen()
    # A second look has rates.
    assert read_until(fd, screen, lambda text: re.search(r"[1-9][0-9.]*k? requests/s", text)), screen.text()
    assert not re.search(pattern, screen.text(), re.M), screen.text()
    os.write(fd, key.encode())
    assert read_until(fd, screen, lambda text: re.search(pattern, text, re.M)), screen.text()
    print(screen.text())
    os.write(fd, b"q")
    _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


main(*sys.argv[1:])
