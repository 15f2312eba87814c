# SPDX-License-Identifier: BSD-2-Clause
"""
What one remote peer may do. A case gets the victim, attacks it, takes all of
its own away, and checks what only it can know; t/hostile/run checks the rest.
"""

import threading
import time

from attacker import (ACK, CLOSE, IGNORE, LEAVE, PROBE, RESUME, Client,
                      lane_message, reach_lane, read_exactly, record)
from stage import check, wait_for

ALL = {}


def case(function):
    ALL[function.__name__] = function
    return function


def pour(sock, seconds, most):
    """Bytes without end into a socket. Returns how many it took."""
    until, sent, piece = time.monotonic() + seconds, 0, bytes(1 << 20)
    sock.settimeout(0.5)
    while time.monotonic() < until and sent < most:
        try:
            sent += sock.send(piece)
        except TimeoutError:
            continue
        except OSError:
            break
    return sent


@case
def resume_alone(victim):
    """RESUME without RETREAT, after LEAVE: nobody would read the leg again."""
    for port in "thread", "echo":
        for _ in range(15):
            peer = Client(victim.ports[port]).join()
            peer.say(LEAVE, peer.sent)
            read_exactly(peer.tcp, 16 + 2 * 16)     # mark, LEAVE, RETREAT
            try:
                peer.say(RESUME, 0)
                peer.tcp.sendall(b"to be answered")
            except OSError:
                pass                                # hung up on already
            time.sleep(0.02)
            peer.close(with_reset=True)


@case
def far_boundary(victim):
    """SWITCH with a boundary of 2^62, and raw bytes without end."""
    peer = Client(victim.ports["deaf"])
    try:
        peer.join(boundary=1 << 62)
    except (OSError, EOFError):
        pass                                        # refused: so it should
    sent = pour(peer.tcp, 4, 256 << 20)
    grown = victim.now()["kib"] - victim.before["kib"]
    check(grown < 64 << 10, f"{grown} KiB taken early, of {sent >> 10} sent")
    peer.close(with_reset=True)     # FIN would wait for the deaf


@case
def near_boundary(victim):
    """Boundaries of what may be taken early, many, and nothing is read."""
    peers = []
    for _ in range(6):
        peer = Client(victim.ports["deaf"])
        peers.append(peer)
        peer.join(boundary=15 << 20)
        pour(peer.tcp, 5, 16 << 20)
    grown = victim.now()["kib"] - victim.before["kib"]
    check(grown < (6 * 16 + 24) << 10, f"{grown} KiB taken early")
    for peer in peers:
        peer.close(with_reset=True)


def flood(victim, data, reads=False):
    peer = Client(victim.ports["thread"]).join()

    def drain():
        try:
            while peer.tcp.recv(1 << 20):
                pass
        except OSError:
            pass

    if reads:
        threading.Thread(target=drain, daemon=True).start()
    begun = time.monotonic()
    sent = peer.flood(data, 5)
    took = time.monotonic() - begun
    peer.close()
    check(took < 4, f"{sent >> 10} KiB of records, and no reset")


@case
def records_to_ignore(victim):
    """Records of an unknown type, as fast as they are taken."""
    flood(victim, record(IGNORE | 0x40) * 4096)


@case
def records_probe(victim):
    """PROBE, as fast as it is taken, and no answer is read."""
    flood(victim, record(PROBE) * 4096)


@case
def records_probe_read(victim):
    """PROBE, as fast as it is taken."""
    flood(victim, record(PROBE) * 4096, reads=True)


@case
def records_ack(victim):
    """ACK of what was acknowledged, as fast as it is taken."""
    flood(victim, record(ACK) * 4096)


@case
def far_leave(victim):
    """LEAVE of 2^62 bytes without a ring, and lane bytes without end."""
    peer = Client(victim.ports["deaf"]).join(ring_kib=0)
    try:
        peer.say(LEAVE, 1 << 62)
        pour(peer.lane, 4, 256 << 20)
    except OSError:
        pass
    grown = victim.now()["kib"] - victim.before["kib"]
    check(grown < 64 << 10, f"{grown} KiB taken in")
    peer.close()


@case
def no_lane_joined(victim):
    """Greets a listener under `require`, never joins, and sends raw bytes."""
    peers = []
    for raw in (b"raw bytes", b"", b"others"):
        peer = Client(victim.ports["require"])
        if raw:
            peer.raw(raw)
        peers.append(peer)
    begun = time.monotonic()
    for peer in peers:
        peer.tcp.settimeout(30)
        try:
            check(not peer.tcp.recv(1), "an answer without a lane")
        except ConnectionResetError:
            pass
    check(time.monotonic() - begun < 20, "the wait for a lane does not end")
    victim.tell("say")
    said = victim.line()
    check(said == "said", f"the application has {said}")
    check(victim.busy() < 0.3, "it is busy while it waits")
    for peer in peers:
        peer.close()
