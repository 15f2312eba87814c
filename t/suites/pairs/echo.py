# SPDX-License-Identifier: BSD-2-Clause
"""run says what is spoken: the other side of each language's."""

import os
import socket
import sys
import threading


def echo(peer):
    count = 0
    with peer:
        while data := peer.recv(50000):
            count += len(data)
            peer.sendall(data)
        peer.sendall(b"%d\n" % count)


def serve():
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            peer, _ = server.accept()
            threading.Thread(target=echo, args=(peer,)).start()


def talk(port, small, large):
    total = 0
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        file = peer.makefile("rb")
        for i in range(small + large):
            data = os.urandom(1 + i % 97 if i < small else 65536)
            peer.sendall(data)
            if file.read(len(data)) != data:
                sys.exit(f"wrong bytes at {total}")
            total += len(data)
        peer.shutdown(socket.SHUT_WR)
        if file.read() != b"%d\n" % total:
            sys.exit("wrong count")
    print("ok", total)


if sys.argv[1] == "serve":
    serve()
else:
    talk(*map(int, sys.argv[2:]))
