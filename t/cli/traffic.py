#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Traffic for the tests of stat, drain and trace: random bytes are sent and come back.

	traffic.py serve FILE		writes its port to FILE, echoes for ever
	traffic.py dial PORT COUNT STOP	COUNT connections, until there is STOP
	traffic.py late PORT COUNT STOP	each reads nothing until there is STOP
	traffic.py short PORT COUNT STOP	COUNT connections, one after the other
	traffic.py fork PORT COUNT STOP	COUNT connections; forks at STOP, and ends

dial compares what comes back, byte by byte, and at the end prints "same", or
what went wrong. It sends and receives at the same time, so that both
directions always have bytes on the way.
"""
import ctypes
import os
import random
import socket
import sys
import threading
import time

CHUNK = 100000
NAP = float(os.environ.get("SHUNT_T_NAP", 0))
ADDRESS = os.environ.get("SHUNT_T_ADDR4", "127.0.0.1")


def echo(s):
    while True:
        data = s.recv(CHUNK)
        if not data:
            break
        s.sendall(data)
    s.close()


def take_title():
    """As programs do that show a title in ps(1): over what the kernel shows of
    the environment."""
    libc = ctypes.CDLL(None)
    libc.strdup.restype = ctypes.c_void_p
    libc.strdup.argtypes = [ctypes.c_void_p]
    entries = ctypes.POINTER(ctypes.c_void_p).in_dll(libc, "environ")
    i = 0
    while entries[i]:
        shown, entries[i] = entries[i], libc.strdup(entries[i])
        ctypes.memset(shown, ord(" "), len(ctypes.string_at(shown)))
        i += 1


def serve(path):
    listener = socket.create_server((ADDRESS, 0), backlog=128)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(path + ".new", path)
    titled = "SHUNT_T_TITLED" in os.environ
    while True:
        s, _ = listener.accept()
        if titled:
            take_title()
        threading.Thread(target=echo, args=(s,), daemon=True).start()


def pour(s, seed, stop):
    source = random.Random(seed)
    while True:
        s.sendall(source.randbytes(source.randint(1, CHUNK)))
        time.sleep(NAP)
        if os.path.exists(stop):
            break
    s.shutdown(socket.SHUT_WR)


def compare(s, seed, wrong):
    source, total = random.Random(seed), 0
    while True:
        size = source.randint(1, CHUNK)
        want, got = source.randbytes(size), bytearray()
        while len(got) < size:
            part = s.recv(size - len(got))
            if not part:
                break
            got += part
        total += len(got)
        if got != want[:len(got)]:
            wrong.append(f"bytes differ before {total}")
        if len(got) < size:
            break
    if got or not total:
        wrong.append(f"the stream ended within a piece, at {total}")


def late(s, seed, stop, wrong):
    """The server has closed long before its bytes are read."""
    source, got = random.Random(seed), bytearray()
    s.sendall(source.randbytes(1000))
    time.sleep(3)       # on the lane by now
    s.sendall(source.randbytes(50000))
    s.shutdown(socket.SHUT_WR)
    while not os.path.exists(stop):
        time.sleep(0.05)
    while part := s.recv(CHUNK):
        got += part
    source = random.Random(seed)
    if got != source.randbytes(1000) + source.randbytes(50000):
        wrong.append(f"late: {len(got)} bytes, or others")


def talk(s, seed, wrong):
    data = random.Random(seed).randbytes(100)
    s.sendall(data)
    if s.recv(len(data), socket.MSG_WAITALL) != data:
        wrong.append("short: other bytes")


def short(port, count):
    wrong = []
    for seed in range(count):
        with socket.create_connection((ADDRESS, port)) as s:
            talk(s, seed, wrong)
    print("; ".join(wrong) or "same", flush=True)


def fork(port, count, stop):
    """The child lives on, for as long as there is STOP, and does nothing."""
    wrong = []
    made = [socket.create_connection((ADDRESS, port)) for _ in range(count)]
    while not os.path.exists(stop):
        for s in made:
            talk(s, 1, wrong)
        time.sleep(0.05)
    print("; ".join(wrong) or "same", flush=True)
    if os.fork() == 0:
        while os.path.exists(stop):
            time.sleep(0.05)
        os._exit(0)


def guarded(work, wrong, *args):
    try:
        work(*args)
    except OSError as error:
        wrong.append(f"{work.__name__}: {error}")


def dial(port, count, stop, how):
    wrong, threads = [], []
    for seed in range(count):
        s = socket.create_connection((ADDRESS, port))
        works = (((late, (s, seed, stop, wrong)),) if how == "late" else
                 ((pour, (s, seed, stop)), (compare, (s, seed, wrong))))
        for work, args in works:
            threads.append(threading.Thread(target=guarded,
                                            args=(work, wrong) + args))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("; ".join(wrong) or "same", flush=True)


if sys.argv[1] == "serve":
    serve(sys.argv[2])
elif sys.argv[1] == "short":
    short(int(sys.argv[2]), int(sys.argv[3]))
elif sys.argv[1] == "fork":
    fork(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
else:
    dial(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[1])
