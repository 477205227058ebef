"""Files that results are written to, at the end of a run that may have been long."""

import os
import stat


def is_pipe(path):
    return os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)


def make_room(path):
    """Makes the folder, and raises the OSError of a write that will fail, before there is anything
    to lose. What stands in the file stays; where there is no file, none is left."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    if is_pipe(path):
        return  # its reader would take the close for the end
    is_new = not os.path.lexists(path)
    with open(path, "a", encoding="utf-8"):
        pass
    if is_new:
        os.unlink(path)
