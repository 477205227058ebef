"""The command line of the scripts, with the exit statuses of the other programs."""

import argparse
import sys

EX_USAGE = 64
EX_UNAVAILABLE = 69


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")
