# SPDX-License-Identifier: BSD-2-Clause
"""
Streams that are checked: failures.py serve ADDRESS PORT; failures.py talk
ADDRESS PORT CONNECTIONS [TIMES]: so many at once, each TIMES (1) one after the
other. A client says a seed and an amount; then both send that much, each byte a
function of seed and side, and compare what they read; what was compared by both
is printed.
"""

import random
import socket
import struct
import sys
import threading
import time

PIECE = 65536


def pieces(seed, amount):
    dice = random.Random(seed)
    block = dice.randbytes(PIECE + 997)
    for at in range(0, amount, PIECE):
        start = at // PIECE % 997
        yield block[start:start + min(PIECE, amount - at)]


def send(sock, seed, amount):
    dice = random.Random()
    for piece in pieces(seed, amount):
        sock.sendall(piece)
        time.sleep(dice.random() / 20)
    sock.shutdown(socket.SHUT_WR)


def difference(sock, seed, amount, at, got, piece):
    """Where it begins, and where in the stream what came instead stands."""
    first = next(i for i in range(len(piece)) if got[i] != piece[i])
    last = next(i for i in range(len(piece), 0, -1) if got[i - 1] != piece[i - 1])
    whole = b"".join(pieces(seed, amount))
    place = whole.find(got[first:first + 16])
    return (f"wrong bytes: {sock.getsockname()}: {at + first} to {at + last}"
            f" of {amount} are those of {place}: {got[first:first + 32].hex()}"
            f" for {piece[first:first + 32].hex()}")


def receive(sock, seed, amount):
    at = 0
    for piece in pieces(seed, amount):
        got = b""
        while len(got) < len(piece):
            part = sock.recv(len(piece) - len(got))
            if not part:
                raise ValueError("the stream ends early")
            got += part
        if got != piece:
            raise ValueError(difference(sock, seed, amount, at, got, piece))
        at += len(piece)
    if sock.recv(1):
        raise ValueError("the stream does not end")


def both(sock, mine, theirs, amount):
    thread = threading.Thread(target=send, args=(sock, mine, amount))
    thread.start()
    receive(sock, theirs, amount)
    thread.join()
    sock.close()


def serve_one(sock):
    head = b""
    while len(head) < 16:
        head += sock.recv(16 - len(head))
    seed, amount = struct.unpack("!QQ", head)
    both(sock, seed * 2 + 1, seed * 2, amount)


def serve(address, port):
    with socket.create_server((address, port), backlog=64) as listener:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve_one, args=(sock,)).start()


def talk(address, port, times, failed):
    for _ in range(times):
        talk_once(address, port, failed)


def talk_once(address, port, failed):
    try:
        seed, amount = random.getrandbits(60), random.randint(1, 6000000)
        sock = socket.create_connection((address, port))
        sock.sendall(struct.pack("!QQ", seed, amount))
        both(sock, seed * 2, seed * 2 + 1, amount)
        print(2 * amount, flush=True)
    except Exception as error:
        failed.append(error)
        print("talk:", repr(error), file=sys.stderr, flush=True)


def main():
    what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if what == "serve":
        serve(address, port)
    times = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    failed = []
    threads = [threading.Thread(target=talk, args=(address, port, times, failed))
               for _ in range(int(sys.argv[4]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
