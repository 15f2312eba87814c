# SPDX-License-Identifier: BSD-2-Clause
"""
One who has nothing to do with it: talks to an echo server all the time, until
its standard input ends, and then says how many words came back and how long
the slowest took. A word that is wrong, or does not come, is its last.
"""

import select
import socket
import sys
import time

WORD = bytes(range(250)) * 4


def word(sock):
    got = b""
    sock.sendall(WORD)
    while len(got) < len(WORD):
        part = sock.recv(len(WORD) - len(got))
        if not part:
            raise EOFError
        got += part
    return got == WORD


def main():
    sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sock.settimeout(30)
    words, slowest = 0, 0.0
    try:
        for _ in range(40):     # a lane is made meanwhile
            word(sock)
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0.02)[0]:
            begun = time.monotonic()
            if not word(sock):
                raise ValueError("wrong bytes")
            words += 1
            slowest = max(slowest, time.monotonic() - begun)
    except (OSError, EOFError, ValueError) as problem:
        print("failed", repr(problem), flush=True)
        return
    print("words", words, round(slowest, 3), flush=True)


main()
