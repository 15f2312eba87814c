# SPDX-License-Identifier: BSD-2-Clause
"""
What one remote peer may do. A case gets the victim, attacks it, takes all of
its own away, and checks what only it can know; t/hostile/run checks the rest.
"""

import os
import random
import resource
import socket
import threading
import time

from attacker import (ACK, CLOSE, CLOSE_FULL, CONFIRM, IGNORE, JOIN, JOINED,
                      LEAVE, MAGIC, PROBE, RESUME, SWITCH, Client, Server,
                      lane_message, reach_lane, read_exactly, record)
from stage import RULES, check, wait_for

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
            sent += sock.send(piece[:most - sent])
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
    """SWITCH with a boundary of 2^62, and nearer ones that are too far."""
    for boundary in 1 << 62, 1 << 30, (16 << 20) + 1:
        peer = Client(victim.ports["deaf"])
        refused = False
        try:
            peer.join(boundary=boundary)
        except (OSError, EOFError):
            refused = True
        sent = pour(peer.tcp, 2, 128 << 20)
        grown = victim.now()["kib"] - victim.before["kib"]
        check(grown < 64 << 10,
              f"{grown} KiB taken early, of {sent >> 10} sent")
        check(refused, f"a boundary of {boundary} is taken")
        peer.close(with_reset=True)     # FIN would wait for the deaf


@case
def gone_with_held(victim):
    """RST as soon as CONFIRM is in: the echo is held, and for nobody."""
    for _ in range(60):
        peer = Client(victim.ports["echo"])
        peer.join(boundary=1000)
        peer.tcp.sendall(b"a part")
        peer.close(with_reset=True)


@case
def near_boundary(victim):
    """Boundaries of what may be taken early, many, and nothing is read."""
    peers = []
    for _ in range(6):
        peer = Client(victim.ports["deaf"])
        peers.append(peer)
        peer.join(boundary=15 << 20)
        pour(peer.tcp, 5, 15 << 20)
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


@case
def no_answer_to_retreat(victim):
    """Answers no RETREAT: system(3) and setuid(2) wait, each for each peer."""
    peers = [Client(victim.ports["thread"]).join() for _ in range(4)]
    time.sleep(0.3)
    victim.tell("system")
    _, status, took = victim.line().split()
    check(status == "0", f"system() says {status}")
    check(float(took) < 4, f"system() took {took} s")
    for peer in peers:
        peer.close()


@case
def mark_in_two(victim):
    """Half a mark behind the boundary of a cancelled lane, and the rest."""
    peers = []
    for port in "thread", "deaf":
        peer = Client(victim.ports[port]).join(upto=CONFIRM)
        peer.lane.close()
        read_exactly(peer.tcp, 16 + 2 * 16)     # mark, RETREAT, RESUME
        peer.tcp.sendall(peer.mark[:1])
        time.sleep(0.3)
        peer.tcp.sendall(peer.mark[1:])
        peers.append(peer)
    time.sleep(4)                               # lane.stall_timeout
    check(victim.busy() < 0.3, "it is busy while it waits")
    other = Client(victim.ports["thread"], patience=5).join(patience=5)
    check(other.echo(b"heard"), "nobody else gets a lane")
    for peer in [*peers, other]:
        peer.close()


@case
def no_answer_at_exit(victim):
    """Answers nothing: exit(3) waits for every peer that it has left."""
    peers = [Client(victim.ports["thread"]).join() for _ in range(6)]
    for peer in peers:
        peer.say(LEAVE, peer.sent)
    time.sleep(0.3)
    begun = time.monotonic()
    victim.tell("quit")
    victim.process.wait(30)
    took = time.monotonic() - begun
    check(took < 4, f"exit() took {took:.1f} s")
    for peer in peers:
        peer.close()


no_answer_at_exit.ends = True


@case
def never_closes(victim):
    """Says nothing and closes nothing after the server has closed."""
    peers = []
    for _ in range(20):
        peer = Client(victim.ports["once"]).join()
        peer.on_lane(b"a question")
        peers.append(peer)
    check(wait_for(lambda: victim.now()["fds"] <= victim.before["fds"], 15),
          f"{victim.now()['fds']} descriptors, {victim.before['fds']} before")
    for peer in peers:
        peer.close()


@case
def never_consumes(victim):
    """Has heard CLOSE, says so again and again, as an answer to PROBE, and
    consumes nothing: many of them."""
    def all_say_so():
        for peer in peers:
            try:
                peer.say(ACK, 0, 1)
            except OSError:
                pass                                # it was let go
        time.sleep(0.5)
        return victim.now()["fds"] - victim.before["fds"]

    peers = []
    for _ in range(80):
        peer = Client(victim.ports["once"]).join()
        peer.on_lane(b"a question")
        read_exactly(peer.tcp, 16 + 16)
        peers.append(peer)
    most = all_say_so()
    check(most > 70, f"{most} linger, of 80")
    check(wait_for(lambda: all_say_so() <= 66, 15),
          f"{all_say_so()} descriptors")
    for peer in peers:
        peer.close()


@case
def one_byte(victim):
    """The first byte of the magic, and silence, on very many connections."""
    socks = []
    before = victim.sleeps()
    for number in range(600):
        sock = socket.create_connection(("127.0.0.1", victim.ports[
            "thread" if number % 2 else "echo"]))
        sock.sendall(MAGIC[:1])
        socks.append(sock)
        time.sleep(0.0025)
    sleeps = victim.sleeps() - before
    check(sleeps < 15000, f"{sleeps} looks at 600 connections")
    for sock in socks:
        sock.close()


@case
def errors_without_end(victim):
    """Protocol errors in a loop, and nobody reads the log."""
    for _ in range(250):
        peer = Client(victim.ports["thread"]).join()
        peer.say(99)
        peer.close(with_reset=True)
    lines = [line for line in victim.logged().splitlines() if "warn:" in line]
    check(len(lines) < 220, f"{len(lines)} warnings")
    time.sleep(0.5)
    Client(victim.ports["thread"]).join().say(99)
    check(wait_for(lambda: "were left out here" in victim.logged(), 5),
          "the log does not say how many it has left out")


@case
def log_nobody_reads(victim):
    """The same, and the log is a pipe that is full: the service stands."""
    for _ in range(300):
        peer = Client(victim.ports["thread"]).join()
        peer.say(99)
        peer.close(with_reset=True)


log_nobody_reads.to_pipe = True


def lane_named(victim, hosts):
    """REPLY names these, and the client goes to none of them."""
    port = random.randrange(21000, 59000)
    server = Server(port, [(host, port) for host in hosts])
    victim.tell(f"dial {server.port}")
    talk = server.accept()
    server.lanes.settimeout(3)
    try:
        server.lanes.accept()
        check(False, "a lane was made to an address that REPLY may not name")
    except TimeoutError:
        pass
    victim.tell("drop")
    talk.close()
    server.close()


@case
def lane_elsewhere(victim):
    """REPLY names addresses of others: link-local, metadata, multicast."""
    lane_named(victim, ("169.254.169.254", "169.254.1.1", "224.0.0.1",
                        "255.255.255.255", "0.0.0.0"))


PEER_ALONE = RULES.replace("prefer", "prefer lane_remote=peer")


@case
def lane_of_another(victim):
    """REPLY names another host than the connection's, which the rule forbids."""
    lane_named(victim, ("127.0.0.9",))
    check("lane_address" in victim.logged(), "no reason is given")


lane_of_another.rules = PEER_ALONE


@case
def stolen_token(victim):
    """Who has read the token joins first, from another host; he is refused,
    and the client's own lane is made with the same token."""
    peer = Client(victim.ports["thread"])
    for _ in range(3):
        try:
            peer.join(host="127.0.0.9")
            check(False, "a lane was taken from another host")
        except (ValueError, EOFError, ConnectionError):
            peer.lane.close()
    check(peer.join().echo(b"whose it is"), "the client's own lane")
    check("lane_remote has it" in victim.logged(), "no reason is given")
    peer.close()


stolen_token.rules = PEER_ALONE


def join_time(victim):
    begun = time.monotonic()
    Client(victim.ports["thread"]).join(upto=CONFIRM).close()
    return time.monotonic() - begun


@case
def strangers(victim):
    """Lanes that never say JOIN, silent or after a byte, a hundred at once."""
    port = Client(victim.ports["thread"]).addresses[0][1]
    bare = []
    for number in range(100):
        lane = reach_lane(port)
        if number % 2:
            lane.sendall(MAGIC[:1])
        bare.append(lane)
    took = join_time(victim)
    check(took < 4, f"a join took {took:.1f} s")
    threads = victim.now()["threads"] - victim.before["threads"]
    check(threads < 45, f"{threads} threads for strangers")
    for lane in bare:
        lane.close()


GREEDY, OTHER = "127.0.0.66", "127.0.0.77"      # two addresses


@case
def one_address_joins(victim):
    """One address joins, and says no more, as often as it likes: another's
    join has a thread at once."""
    peers = [Client(victim.ports["deaf"], host=GREEDY) for _ in range(60)]
    greedy = [reach_lane(peers[0].addresses[0][1], GREEDY)
              for _ in range(200)]
    for peer in peers:
        peer.lane = reach_lane(peer.addresses[0][1], GREEDY)
        peer.lane.sendall(lane_message(JOIN, peer.token))
    time.sleep(0.2)
    other = Client(victim.ports["thread"], host=OTHER)
    begun = time.monotonic()
    other.join()
    took = time.monotonic() - begun
    check(took < 2, f"another address's join took {took:.1f} s")
    check(other.echo(b"at once"), "another address's lane")
    for peer in (*peers, other):
        peer.close()
    for lane in greedy:
        lane.close()


@case
def one_address_lanes(victim):
    """One address has as many lanes as it may: another's is made at once."""
    peers = [Client(victim.ports["deaf"], host=GREEDY) for _ in range(40)]
    lanes = refused = 0
    for peer in peers:
        try:
            peer.join()
            lanes += 1
        except (OSError, EOFError, ValueError, IndexError):
            refused += 1
    check(12 <= lanes <= 18, f"{lanes} of 24 lanes are one address's")
    other = Client(victim.ports["thread"], host=OTHER).join()
    check(other.echo(b"at once"), "another address's lane")
    check("limits.address_share" in victim.logged() or
          "address_limit" in victim.logged(), "no reason is given")
    for peer in (*peers, other):
        peer.close(with_reset=True)
    back = Client(victim.ports["thread"], host=GREEDY)
    check(wait_for(lambda: Client(victim.ports["thread"],
                                  host=GREEDY).addresses, 10),
          "what it has given back it may not have again")
    back.close()


one_address_lanes.env = {"SHUNT_LIMITS_LANES": "24"}


@case
def one_address_pins(victim):
    """Bare lanes of one address pin what limits.pinned allows, and are
    counted; when they have gone, that is given back."""
    port = Client(victim.ports["thread"], host=GREEDY).addresses[0][1]
    bare = [reach_lane(port, GREEDY) for _ in range(40)]
    check(wait_for(lambda: "lane was turned away" in victim.logged(), 5),
          "what bare lanes pin is not counted")
    for lane in bare:
        lane.close()
    other = wait_for(lambda: Client(victim.ports["thread"],
                                    host=OTHER).addresses, 10)
    check(other, "what bare lanes pinned is not given back")


one_address_pins.env = {"SHUNT_LIMITS_PINNED": "4MiB"}


@case
def near_boundary_all(victim):
    """The same, of so many connections of one address that all bytes taken
    early come to their bound, and another's lane is as ever. Taking them in
    costs by the byte, in however small pieces TCP has them."""
    peers, begun = [], victim.now()["cpu_ms"]
    for _ in range(12):
        peer = Client(victim.ports["deaf"], host=GREEDY)
        peers.append(peer)
        peer.join(boundary=15 << 20)
        pour(peer.tcp, 4, 15 << 20)
    took = victim.now()["cpu_ms"] - begun
    check(took < 8000, f"{took} ms of a processor for 64 MiB")
    grown = victim.now()["kib"] - victim.before["kib"]
    check(60 << 10 < grown < 128 << 10, f"{grown} KiB taken early")
    other = Client(victim.ports["thread"], host=OTHER).join()
    check(other.echo(b"at once"), "another address's lane")
    for peer in (*peers, other):
        peer.close(with_reset=True)


def sockets_of(pid):
    folder = f"/proc/{pid}/fd"
    names = set()
    for fd in os.listdir(folder):
        try:
            names.add(os.readlink(f"{folder}/{fd}"))
        except OSError:
            pass                                    # closed meanwhile
    return sum(name.startswith("socket:") for name in names)


@case
def silent(victim):
    """Says nothing, on as many connections as the process may have files:
    those that may be greeted yet have two each, but not of the last."""
    resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, (256, 256))
    before = sockets_of(victim.pid)
    socks = []
    for _ in range(256):
        socks.append(socket.create_connection(
            ("127.0.0.1", victim.ports["echo"])))
    wait_for(lambda: sockets_of(victim.pid) - before > 160, 5)
    accepted = sockets_of(victim.pid) - before
    check(accepted > 160, f"{accepted} connections have 256 files")
    for sock in socks:
        sock.close()


def fill(peer):
    """As much as the lane takes at once."""
    peer.lane.setblocking(False)
    try:
        while True:
            peer.sent += peer.lane.send(bytes(1 << 16))
    except BlockingIOError:
        pass


@case
def one_address_closings(victim):
    """Lanes of one address whose ends take their time, because nothing of what
    was sent is read: another's is closed at once."""
    before, peers = victim.now()["threads"], []
    for _ in range(50):
        peer = Client(victim.ports["echo"], host=GREEDY).join()
        peers.append(peer)
    for peer in peers:
        fill(peer)
    time.sleep(0.5)     # it is answered until nothing more goes
    for peer in peers:
        fill(peer)
        peer.say(CLOSE, peer.sent, CLOSE_FULL)
    check(wait_for(lambda: victim.now()["threads"] > before + 20, 15),
          "no lanes are being closed")
    check(not wait_for(lambda: victim.now()["threads"] > before + 40, 1.5),
          "more threads close lanes than may")
    other = Client(victim.ports["once"], host=OTHER).join()
    begun = time.monotonic()
    other.on_lane(b"a question")
    check(read_exactly(other.lane, 3) == b"bye", "another address's answer")
    check(not other.lane.recv(1), "another address's lane goes on")
    took = time.monotonic() - begun
    check(took < 2, f"the end of another address's lane took {took:.1f} s")
    for peer in (*peers, other):
        peer.close(with_reset=True)


@case
def told_twice(victim):
    """Bytes are there to be read while the connection comes to be plain, again
    and again: epoll_wait() tells of each once a call, or the server ends."""
    until = time.monotonic() + 4
    while time.monotonic() < until:
        peers = [Client(victim.ports["echo"]) for _ in range(8)]
        for number, peer in enumerate(peers):
            peer.raw(b"x" * 3000)
            try:
                peer.join(upto=(JOIN, JOINED, SWITCH)[number % 3])
            except (OSError, EOFError, ValueError, IndexError):
                pass
        for peer in peers:
            if peer.lane:
                peer.lane.close()
            peer.raw(b"x" * 3000)
            peer.close(with_reset=number % 2)
