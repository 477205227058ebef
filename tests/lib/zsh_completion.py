"""Prints the command line that zsh makes of TEXT and the tabulator key, with completions of FOLDER.

zsh_completion.py FOLDER TEXT
"""

import os
import pty
import select
import sys
import time

PATIENCE_S = 30


def wait_for(fd, mark):
    seen = b""
    end = time.monotonic() + PATIENCE_S
    while mark not in seen and time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
    assert mark in seen, seen
    return seen


def main(folder, text):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="dumb", PS1="", COLUMNS="1000")
        os.execvp("zsh", ["zsh", "-f"])
    # A key that prints the line that is being edited, instead of a screen that has to be read.
    setup = (
        f"unsetopt zle_bracketed_paste; fpath=({folder} $fpath); autoload -U compinit; compinit -D -u; "
        "show() { print -r -- \"\n<<${BUFFER}>>\" }; zle -N show; bindkey '^X' show; print rea''dy\n"
    )
    os.write(fd, setup.encode())
    wait_for(fd, b"ready")
    os.write(fd, text.encode() + b"\t\x18")
    said = wait_for(fd, b">>")
    print(said.decode().rsplit("<<", 1)[1].split(">>")[0].strip())
    os.close(fd)
    os.waitpid(pid, 0)


main(sys.argv[1], sys.argv[2])
