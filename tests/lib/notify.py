"""Stands in for a service manager: prints what it is told, a line a message.

Usage: notify.py SOCKET [HOLD]

SOCKET is bound: a path, or a name that begins with @. Each line is the process id of the sender and
the message, its lines joined by "|". While there is a file HOLD nothing is taken, so that the
socket's queue fills.
"""

import os
import socket
import struct
import sys
import time

UCRED = struct.Struct("3i")


def main():
    name = sys.argv[1]
    hold = sys.argv[2] if len(sys.argv) > 2 else None
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    told.bind("\0" + name[1:] if name.startswith("@") else name)
    print("bound", flush=True)
    while True:
        while hold and os.path.exists(hold):
            time.sleep(0.01)
        message, ancillary, _, _ = told.recvmsg(4096, socket.CMSG_SPACE(UCRED.size))
        pid = UCRED.unpack(ancillary[0][2])[0]
        print(pid, message.decode().rstrip("\n").replace("\n", "|"), flush=True)


main()
