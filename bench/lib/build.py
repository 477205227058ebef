"""Builds what is measured, if it is not given."""

import os
import re
import subprocess

TARGETS = ("src/preforkd", "src/preforkbench", "src/modules/echo.la")


class BuildError(Exception):
    """With the end of what the compiler has said."""


def run(*command, folder):
    done = subprocess.run(command, cwd=folder, check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={key: value for key, value in os.environ.items()
                               if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)} in {folder}:\n{done.stdout[-2000:]}")
    return done.stdout


def default_folder(source):
    """The checkout itself if it is configured, for then no other can be, else build/bench."""
    if os.path.exists(os.path.join(source, "config.status")):
        return source
    return os.path.join(source, "build/bench")


def ours(source, folder):
    """Configures FOLDER if it is not yet, and makes the programs in it."""
    if not os.path.exists(os.path.join(folder, "Makefile")):
        if not os.path.exists(os.path.join(source, "configure")):
            run("./bootstrap", folder=source)
        os.makedirs(folder, exist_ok=True)
        run(os.path.join(source, "configure"), "-q", folder=folder)
    run("make", "-s", f"-j{os.cpu_count() or 1}", *TARGETS, folder=folder)


def has_sanitizers(folder):
    """Whether it is a build whose figures mean nothing."""
    try:
        with open(os.path.join(folder, "Makefile"), encoding="utf-8") as file:
            return bool(re.search(r"^SANITIZER_FLAGS = *\S", file.read(), re.M))
    except FileNotFoundError:
        return False


def peers(source, folder, names):
    """Those of NAMES for which there are compilers; bench/peers/start says which these are."""
    script = os.path.join(source, "bench/build")
    if names and os.access(script, os.X_OK):
        os.makedirs(folder, exist_ok=True)
        run(script, folder, *names, folder=source)
