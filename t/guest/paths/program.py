#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
A program that serves and dials, and knows nothing of shunt. It is told what
to do, and says how it went, in lines of JSON:

  {"tag": 1, "do": "serve", "address": A, "port": P, ...}
  {"tag": 1, "do": "dial", "address": A, "port": P, ...}
  {"tag": 1, "do": "go"}	end the small talk: all that is there

A server says "listening" and, when it has taken as many connections as it was
to, listens no more. Talks are of three parts: in "ask" the client speaks
first, in "greet" the server does; then small talk until both have been told
to go on; then so many KiB both ways at once. Each byte is compared.
"""

import functools
import json
import random
import socket
import struct
import sys
import threading
import time

MAGIC = bytes.fromhex("F57368756E74F4C1")
TCP_MD5SIG, TCP_SAVE_SYN, TCP_SAVED_SYN = 14, 27, 28
IP_MTU, IPV6_MTU = 14, 24
MARK_TTL, VISIBLE_MOST = 191, 32767
TIMESTAMPS = 1          # TCPI_OPT_TIMESTAMPS
PIECE = 65536
WORDS = 100
going = {}
lock = threading.Lock()


def say(**what):
    with lock:
        print(json.dumps(what), flush=True)


@functools.lru_cache
def block(seed, size):
    return random.Random(seed).randbytes(size)


def expect(sock, wanted):
    """Read that many bytes, and those."""
    got = b""
    while len(got) < len(wanted):
        part = sock.recv(len(wanted) - len(got))
        if not part:
            raise ValueError(f"the stream ends after {len(got)} bytes")
        got += part
        if not wanted.startswith(got):
            ours = "ours: " if MAGIC in got else ""
            raise ValueError(f"wrong bytes: {ours}{got[:32].hex()}")


def stream(sock, mine, theirs):
    sender = threading.Thread(target=push, args=(sock, mine))
    sender.start()
    for at in range(0, len(theirs), PIECE):
        expect(sock, theirs[at:at + PIECE])
    sender.join()
    if sock.recv(1):
        raise ValueError("the stream does not end")


def push(sock, data):
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass        # who reads says what has become of it


def talk(sock, told, active, result):
    """The talk of one end. "held": of who spoke first, its words are not out."""
    mine, theirs = (1, 2) if active else (2, 1)
    speaks = (told["talk"] == "ask") == active
    time.sleep(told.get("pause", 0))
    if speaks:
        sock.sendall(block(mine, WORDS))
        result["held"] = not bytes_sent(sock)
    expect(sock, block(theirs, WORDS))
    if not speaks:
        sock.sendall(block(mine, WORDS))
    small_talk(sock, told, active)
    size = told["kib"] * 1024
    stream(sock, block(mine + 2, size), block(theirs + 2, size))


def small_talk(sock, told, active):
    """The client asks until it has been told to go on."""
    while active:
        last = going[told["tag"]].wait(0.01)
        sock.sendall(b"!" if last else b"?")
        expect(sock, b".")
        if last:
            return
    while True:
        word = sock.recv(1)
        if word not in (b"?", b"!"):
            raise ValueError(f"wrong bytes in small talk: {word.hex()}")
        sock.sendall(b".")
        if word == b"!":
            return


def bytes_sent(sock):
    """By the kernel."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    return struct.unpack_from("Q", info, 200)[0]


def told_by(sock):
    """What TCP_INFO tells of the peer's MSS, and what could hide it."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    mss, pmtu, announced, window = (
        struct.unpack_from("I", info, at)[0] for at in (16, 60, 84, 228))
    stamps = 12 if info[5] & TIMESTAMPS else 0
    return {"mss": mss + stamps, "announced": announced + stamps,
            "room": pmtu - (60 if is_v6(sock) else 40),
            "half": mss == window // 2}


def is_v6(sock):
    """Does it speak IPv6, and not IPv4 by a mapped address?"""
    return sock.family == socket.AF_INET6 and \
        not sock.getpeername()[0].startswith("::ffff:")


def mark(sock, address):
    """The client's mark, by the MTU of the route (PROTOCOL.md, section 1)."""
    v6 = sock.family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
    with socket.socket(sock.family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        room = probe.getsockopt(level, IPV6_MTU if v6 else IP_MTU) - (
            60 if v6 else 40)
    value = room - (room - 3) % 16
    if value > VISIBLE_MOST:
        sock.setsockopt(level, socket.IPV6_UNICAST_HOPS if v6 else
                        socket.IP_TTL, MARK_TTL)
    else:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, value)


def prepare(sock, told):
    for level, name, value in told.get("options", ()):
        sock.setsockopt(level, name, value)
    if "md5" in told:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG,
                        md5_key(sock.family, told["md5"]))


def md5_key(family, address):
    """struct tcp_md5sig: the peer's address, and a key."""
    raw = socket.inet_pton(family, address)
    peer = struct.pack("H2x4s", family, raw) if family == socket.AF_INET else \
        struct.pack("H6x16s", family, raw)
    return struct.pack("128sBBHi80s", peer, 0, 0, 6, 0, b"secret")


def end(sock, told, active, result):
    """A talk, and whatever becomes of it, said as the result."""
    try:
        result["local"], result["peer"] = (list(name[:2]) for name in (
            sock.getsockname(), sock.getpeername()))
        result["told"] = told_by(sock)
        talk(sock, told, active, result)
    except (OSError, ValueError) as error:
        result["error"] = repr(error)
    sock.close()


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(told):
    listener = socket.socket(family(told["address"]))
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY,
                            not told.get("dual"))
    if told.get("save_syn"):
        listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
    prepare(listener, told)
    listener.bind((told["address"], told["port"]))
    listener.listen(told.get("backlog", 16))
    say(tag=told["tag"], listening=True)
    time.sleep(told.get("late", 0))
    threads, results = [], []
    for _ in range(told.get("connections", 1)):
        sock, _ = listener.accept()
        results.append({})
        if told.get("save_syn"):
            results[-1]["syn"] = sock.getsockopt(
                socket.IPPROTO_TCP, TCP_SAVED_SYN, 256).hex()
        threads.append(threading.Thread(
            target=end, args=(sock, told, False, results[-1])))
        threads[-1].start()
    listener.close()
    for thread in threads:
        thread.join()
    return results


def dial_one(told, result):
    sock = socket.socket(family(told["address"]))
    try:
        prepare(sock, told)
        if told.get("mark"):
            mark(sock, told["address"])
        sock.connect((told["address"], told["port"]))
    except OSError as error:
        result["error"] = f"connect: {error!r}"
        sock.close()
        return
    end(sock, told, True, result)


def dial(told):
    results = [{} for _ in range(told.get("connections", 1))]
    threads = [threading.Thread(target=dial_one, args=(told, result))
               for result in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def do(told):
    try:
        results = serve(told) if told["do"] == "serve" else dial(told)
    except OSError as error:
        results = [{"error": repr(error)}]
    say(tag=told["tag"], results=results)


def main():
    for line in sys.stdin:
        told = json.loads(line)
        if told["do"] == "go":
            going[told["tag"]].set()
            continue
        going.setdefault(told["tag"], threading.Event())
        threading.Thread(target=do, args=(told,), daemon=True).start()


if __name__ == "__main__":
    main()
