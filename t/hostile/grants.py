#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The guest's part of t/hostile/grants: one process sends to a peer that grants
what it has not, and beside that, on another lane, to an honest one.

    python3 -B grants.py BUILD HOSTILE_RUNTIME
"""
import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
import time

ADDRESS = os.environ.get("SHUNT_T_ADDR4", "")
HONEST, HOSTILE = 7101, 7102
AMOUNT = 24 << 20
SEED = bytes(range(251)) * 4096
# What the hostile end does with what it is sent, and does the sender leave the
# lane meanwhile, by its ring?
WAYS = [(way, leaves) for way in (b"reads", b"dawdles", b"stops")
        for leaves in (False, True)]
MOST_SECONDS = 90
GRANT = 1 << 16         # by so much of its stream at a time, at most


def serve(port):
    """One connection a thread: its way, then bytes; the answer is their sum."""
    listener = socket.create_server((ADDRESS, port), backlog=16)
    print("up", flush=True)
    while True:
        threading.Thread(target=receive, args=[listener.accept()[0]]).start()


def receive(sock):
    way, total, got = b"", hashlib.sha256(), 0
    try:
        while not way.endswith(b"\n"):
            way += sock.recv(1)
        while got < AMOUNT:
            piece = sock.recv(1 << 16)
            if not piece or (way == b"stops\n" and got > 1 << 20):
                break
            if way == b"dawdles\n":
                time.sleep(0.02)
            total.update(piece)
            got += len(piece)
        if way == b"stops\n":
            time.sleep(10)
        sock.sendall(total.hexdigest().encode())
    except OSError:
        pass
    sock.close()


def send(port, way):
    """What became of it: 'right', 'wrong', or an error's name."""
    total, sent = hashlib.sha256(), 0
    try:
        with socket.create_connection((ADDRESS, port)) as sock:
            sock.settimeout(30)
            sock.sendall(way + b"\n")
            while sent < AMOUNT:
                piece = SEED[sent % 251:][:min(1 << 17, AMOUNT - sent)]
                sock.sendall(piece)
                total.update(piece)
                sent += len(piece)
            answer = b""
            while len(answer) < 64:
                piece = sock.recv(64 - len(answer))
                if not piece:
                    return "cut off"
                answer += piece
        return "right" if answer.decode() == total.hexdigest() else "wrong"
    except OSError as problem:
        return type(problem).__name__


def client():
    """Two lanes at a time, of this process: one a way, and the honest one."""
    for way, leaves in WAYS:
        found = {}
        threads = [threading.Thread(target=lambda port=port: found.update(
            {port: send(port, way if port == HOSTILE else b"reads")}))
            for port in (HOSTILE, HONEST)]
        for thread in threads:
            thread.start()
        if leaves:
            time.sleep(1)
            print("leave", flush=True)
            sys.stdin.readline()
        since = time.monotonic()
        for thread in threads:
            thread.join(MOST_SECONDS)
        late = any(thread.is_alive() for thread in threads)
        print(way.decode(), "leaves" if leaves else "stays",
              f"honest={found.get(HONEST)} hostile={found.get(HOSTILE)}",
              "LATE" if late else f"{time.monotonic() - since:.0f}s",
              flush=True)


def start(role, log, **more):
    build = sys.argv[1]
    env = dict(os.environ, LD_PRELOAD=f"{build}/bundle/libshunt.so",
               SHUNT_RULES=f"connect {ADDRESS}/32:* prefer; listen *:* prefer",
               SHUNT_HANDSHAKE_TIMEOUT="10s", SHUNT_LOG_LEVEL="info", **more)
    with open(log, "w", encoding="utf-8") as to:
        return subprocess.Popen(
            [sys.executable, "-B", __file__, *sys.argv[1:], role], env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=to, text=True)


def told(process, shunt):
    """The client's lines; between two of them its lanes are drained."""
    for line in process.stdout:
        if line != "leave\n":
            yield line.rstrip()
            continue
        subprocess.run([shunt, "drain", str(process.pid)], check=False,
                       stdout=subprocess.DEVNULL)
        process.stdin.write("\n")
        process.stdin.flush()


def main():
    logs = os.environ["SHUNT_GUEST_OUT"]
    servers = [start("honest", f"{logs}/honest"),
               start("hostile", f"{logs}/hostile",
                     SHUNT_RDMA_LIBRARY=sys.argv[2])]
    for server in servers:
        server.stdout.readline()
    process = start("client", f"{logs}/client")
    wrong = rows = 0
    for row in told(process, f"{sys.argv[1]}/shunt"):
        rows += 1
        bad = "honest=right" not in row or "LATE" in row
        wrong += bad
        print("WRONG" if bad else "right", row, flush=True)
    status = process.wait(60)
    for server in servers:
        server.kill()
    with open(f"{logs}/client", encoding="utf-8") as f:
        lanes = [int(sent) for sent in re.findall(
            rf"-> \S+:{HOSTILE} .* rdma_sent=(\d+)", f.read())]
    print(f"client's status {status}; most that went to the hostile peer by a "
          f"lane: {max(lanes, default=0)} bytes")
    sys.exit(bool(wrong or status or rows != len(WAYS) or
                  max(lanes, default=0) < 16 * GRANT))


if __name__ == "__main__":
    if len(sys.argv) < 3 or "SHUNT_GUEST" not in os.environ:
        sys.exit(__doc__.strip())
    {"honest": lambda: serve(HONEST), "hostile": lambda: serve(HOSTILE),
     "client": client}.get(sys.argv[3] if sys.argv[3:] else "", main)()
