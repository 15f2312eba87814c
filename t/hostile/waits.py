# SPDX-License-Identifier: BSD-2-Clause
"""
Peers that leave something half done, and wait: the process, which can do
nothing about it, is to rest, and to serve others meanwhile.
"""

import os
import random
import socket
import time

from attacker import (CLOSE, CLOSE_FULL, CONFIRM, JOINED, LEAVE, MAGIC,
                      RETREAT, RETURN, Client, Server, read_exactly, record,
                      reset)
from cases import GREEDY, case
from stage import check, wait_for


RETURN_MOST = 240      # bytes of a record


def rests(victim, what, most=0.3):
    """Threads that spin do it all the time; and somebody else is served."""
    time.sleep(0.3)
    busy = victim.busy(1)
    check(busy < most, f"{what}: {busy:.2f} of a processor")
    other = Client(victim.ports["thread"], patience=5).join(patience=5)
    check(other.echo(b"heard"), f"{what}: nobody else gets a lane")
    other.close()


def dismiss(peers):
    for peer in peers:
        peer.close(with_reset=True)


def full(victim, name):
    """Greeted; what it is sent fills its server's kernel, and is not read."""
    peer = Client(victim.ports[name])
    if name == "much":
        peer.raw(b"send")
    else:
        peer.tcp.settimeout(0.5)
        try:
            while True:
                peer.sent += peer.tcp.send(bytes(1 << 16))
        except TimeoutError:
            pass
    time.sleep(0.5)
    return peer


@case
def held_and_full(victim):
    """The server's kernel is full, and its application has written while a lane
    was made that came to nothing: bytes are held, and TCP takes none."""
    peers = []
    for name in "echo", "much":
        peer = full(victim, name)
        peer.join(upto=JOINED)
        peers.append(peer)
        time.sleep(0.5)         # the application writes on
        peer.lane.close()
    rests(victim, "held for TCP")
    dismiss(peers)


@case
def retreat_unanswered(victim):
    """The lane ends and TCP stays open: RETREAT is not answered, and threads
    wait to receive."""
    peers = [Client(victim.ports["thread"]).join() for _ in range(3)]
    for peer in peers:
        peer.lane.close()
    time.sleep(1.5)
    rests(victim, "going back")
    dismiss(peers)


@case
def retreat_at_boundary(victim):
    """The same before the boundary has come."""
    peers = [Client(victim.ports["thread"]).join(boundary=1000)
             for _ in range(3)]
    for peer in peers:
        peer.lane.close()
    time.sleep(1.5)
    rests(victim, "going back, before the boundary")
    dismiss(peers)


def served(victim, answer, rst=False):
    """A client of the victim's waits for bytes, and gets these. Returns the
    server and its socket, which may be reset."""
    server = Server(random.randrange(20000, 60000), marked=True)
    victim.tell(f"fetch {server.port}")
    talk = server.accept(answer=False)
    talk.tcp.sendall(answer)
    if rst:
        time.sleep(0.2)
        reset(talk.tcp)
    return server, talk.tcp


def served_again(victim, server, sock):
    """HELLO was taken back: the client has a connection that had none."""
    plain, _ = server.listener.accept()
    plain.sendall(b"plain")
    said = victim.line()
    check(said == "fetched 5", f"not what the server said: {said}")
    for each in server, plain, sock:
        each.close()


@case
def reply_begun(victim):
    """A byte of REPLY, and nothing."""
    held = [served(victim, MAGIC[:1]) for _ in range(4)]
    time.sleep(1)
    rests(victim, "a byte of REPLY")
    for server, sock in held:       # after handshake.timeout
        served_again(victim, server, sock)
    victim.tell("drop")


@case
def reply_begun_reset(victim):
    """A byte of REPLY, and RST, which an application that reads hears of."""
    held = [served(victim, MAGIC[:1], rst=True) for _ in range(4)]
    rests(victim, "a byte of REPLY, and RST")
    for server, sock in held:
        served_again(victim, server, sock)
    victim.tell("drop")


@case
def reply_too_long(victim):
    """A REPLY that says it is longer than any: it is none."""
    held = served(victim, MAGIC + bytes((1, 2)) + (300).to_bytes(2, "big") +
                  bytes(200))
    served_again(victim, *held)
    rests(victim, "too long a REPLY")
    victim.tell("drop")


@case
def reply_urgent(victim):
    """An urgent byte in place of REPLY."""
    server = Server(random.randrange(20000, 60000), marked=True)
    victim.tell(f"fetch {server.port}")
    talk = server.accept(answer=False)
    talk.tcp.send(b"!", socket.MSG_OOB)
    rests(victim, "an urgent byte")
    served_again(victim, server, talk.tcp)
    victim.tell("drop")


for client in (reply_begun, reply_begun_reset, reply_too_long, reply_urgent):
    client.rules = ("connect 127.0.0.0/8:* prefer mark; "
                    "listen 127.0.0.0/8:* prefer")


@case
def half_a_mark(victim):
    """Half a mark behind the boundary of a cancelled lane, and no more."""
    peers = []
    for _ in range(2):
        peer = Client(victim.ports["thread"]).join(upto=CONFIRM)
        peers.append(peer)
        peer.lane.close()
        read_exactly(peer.tcp, 16 + 2 * 16)     # mark, RETREAT, RESUME
        peer.tcp.sendall(peer.mark[:1])
    rests(victim, "half a mark")
    dismiss(peers)


@case
def required_and_shut(victim):
    """A lane is required, a thread waits to send, and the peer says FIN,
    or resets it."""
    peers = [Client(victim.ports["require"]) for _ in range(4)]
    for peer in peers:
        peer.tcp.shutdown(socket.SHUT_WR)
    rests(victim, "a lane that is required")
    dismiss(peers)
    for _ in range(4):
        Client(victim.ports["require"]).close(with_reset=True)
    rests(victim, "a lane that is required, and reset")


def looks(victim, what, most, seconds=1):
    """How often its threads woke up: a look a millisecond is too often."""
    before = victim.sleeps()
    time.sleep(seconds)
    often = (victim.sleeps() - before) / seconds
    check(often < most, f"{what}: {often:.0f} looks a second")


@case
def end_to_come(victim):
    """CLOSE is said of bytes that do not come, and a thread waits for it."""
    peers = [Client(victim.ports["deaf"]).join() for _ in range(4)]
    for peer in peers:
        peer.on_lane(b"a part")
        peer.say(CLOSE, 1 << 20, CLOSE_FULL)
    time.sleep(1)
    looks(victim, "an end that does not come", 500)
    dismiss(peers)


@case
def leave_by_drops(victim):
    """LEAVE is said of bytes that come one by one."""
    peers = [Client(victim.ports["deaf"]).join(ring_kib=0) for _ in range(4)]
    for peer in peers:
        peer.say(LEAVE, 1 << 20)
    time.sleep(1)
    looks(victim, "a lane that gives a byte now and then", 500)
    dismiss(peers)


@case
def returns_all(victim):
    """What was received long ago is returned: it is not taken."""
    peer = Client(victim.ports["echo"], host=GREEDY).join()
    piece = os.urandom(1 << 16)
    for _ in range(640):
        check(peer.echo(piece), "wrong bytes")
    peer.say(LEAVE, peer.sent)
    time.sleep(0.3)
    sent = peer.flood(b"".join(
        record(RETURN, at, body=bytes(RETURN_MOST))
        for at in range(0, peer.received - RETURN_MOST, RETURN_MOST)), 4)
    grown = victim.now()["kib"] - victim.before["kib"]
    check(grown < 24 << 10, f"{grown} KiB of {sent >> 10} are kept")
    peer.close(with_reset=True)


@case
def returns_raw(victim):
    """An honest one: what came by TCP, and was not consumed, goes back."""
    peer = Client(victim.ports["thread"])
    data = os.urandom(1000)
    peer.raw(data)
    check(read_exactly(peer.tcp, len(data)) == data, "wrong bytes")
    peer.join()
    peer.say_bytes(record(LEAVE, peer.sent) + b"".join(
        record(RETURN, at, body=data[at:at + RETURN_MOST])
        for at in range(0, len(data), RETURN_MOST)) + record(RETREAT, 0))
    said = read_exactly(peer.tcp, 16 + 3 * 16 + len(data))
    check(said[-len(data):] == data, "it is not sent again")
    peer.close(with_reset=True)


@case
def returns_nothing(victim):
    """RETURN of no bytes, as fast as it is taken."""
    peer = Client(victim.ports["thread"]).join()
    check(peer.echo(b"some bytes"), "wrong bytes")
    peer.say(LEAVE, peer.sent)
    time.sleep(0.3)
    begun = time.monotonic()
    sent = peer.flood(record(RETURN, peer.received - 1) * 4096, 5)
    peer.close(with_reset=True)
    check(time.monotonic() - begun < 4, f"{sent >> 10} KiB, and no reset")
    check(wait_for(lambda: "protocol_error" in victim.logged(), 5),
          "no reason is given")
