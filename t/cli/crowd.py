#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Many connections for the tests of who asks: a process with both ends.

	crowd.py COUNT	makes COUNT connections with itself, of which each is one
			object at each end, and prints "ready COUNT"

Then it makes another one for each line on stdin, sends 100000 bytes over it and
back, and prints "again".
"""
import os
import resource
import socket
import sys
import threading

ADDRESS = os.environ.get("SHUNT_T_ADDR4", "127.0.0.1")
BIG = 100000
kept = []


def serve(listener):
    while True:
        s, _ = listener.accept()
        kept.append(s)
        threading.Thread(target=echo, args=(s,), daemon=True).start()


def echo(s):
    while data := s.recv(BIG):
        s.sendall(data)


def exchange(s, size):
    thread = threading.Thread(target=s.sendall, args=(bytes(size),))
    thread.start()
    left = size
    while left:
        left -= len(s.recv(left))
    thread.join()


def dial(port, size):
    s = socket.create_connection((ADDRESS, port))
    kept.append(s)
    exchange(s, size)


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    threading.stack_size(65536)
    listener = socket.create_server((ADDRESS, 0), backlog=1024)
    port = listener.getsockname()[1]
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    for _ in range(int(sys.argv[1])):
        dial(port, 1)
    dial(port, BIG)
    print("ready", len(kept), flush=True)
    for _ in sys.stdin:
        dial(port, BIG)
        print("again", flush=True)


main()
