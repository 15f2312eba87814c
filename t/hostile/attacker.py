# SPDX-License-Identifier: BSD-2-Clause
"""
A peer that may say anything: HELLO, REPLY and records on TCP, and messages and
bytes on a lane of the fake RDMA runtime, whose listeners are Unix sockets of
an abstract name. Layouts are include/shunt/wire.h's, nothing here checks them.
"""

import socket
import struct
import time

MAGIC = b"\xf5shunt\xf4\xc1"
HELLO, REPLY, JOIN, JOINED, SWITCH, CONFIRM, DONE = range(1, 8)
CLOSE, ACK, RETREAT, RESUME, PROBE, LEAVE, RETURN = range(1, 8)
IGNORE = 0x80           # bit of a record's type
CLOSE_FULL, CLOSE_RESET = 1, 2
NEVER = 2 ** 64 - 1
HELLO_SIZE, LANE_SIZE, RECORD_SIZE, TOKEN_SIZE = 76, 40, 16, 16
REPLY_SIZE, ADDRESS_SIZE = 52, 20
SOCKADDR_SIZE = 128     # what the fake's client says of itself first
MARK_PASSIVE = 21841    # an MSS: MARK_PASSIVE_MOST
PATIENCE = 10           # seconds


def message(kind, body, flags=0, version=1, length=None):
    if length is None:
        length = 16 + len(body)
    return MAGIC + struct.pack(">BBHI", version, kind, length, flags) + body


def address(host, port):
    return struct.pack(">BxH4s12x", 4, port, socket.inet_aton(host))


def hello(local, remote, mark):
    return message(HELLO, address(*local) + address(*remote) + mark +
                   b"\r\n\r\n")


def reply(token, mark, addresses, flags=1, reason=0):
    body = struct.pack(">HBx", reason, len(addresses)) + token + mark
    return message(REPLY, body + b"".join(address(*a) for a in addresses),
                   flags)


def lane_message(kind, token=bytes(TOKEN_SIZE), boundary=0, ring_kib=1024):
    return message(kind, token + struct.pack(">Q", boundary), ring_kib)


def record(kind, offset=0, flags=0, body=b"", version=1, length=None):
    if length is None:
        length = RECORD_SIZE + len(body)
    return struct.pack(">BBHIQ", kind, version, length, flags,
                       offset & NEVER) + body


def read_exactly(sock, size, patience=PATIENCE):
    sock.settimeout(patience)
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError(f"{len(data)} bytes of {size}")
        data += part
    return data


def boundary_of(lane):
    return struct.unpack_from(">Q", lane, 32)[0]


def reach_lane(port, host="127.0.0.1", patience=PATIENCE):
    """A bare connection to a lane's listener, from this address."""
    lane = socket.socket(socket.AF_UNIX)
    lane.setblocking(False)
    until = time.monotonic() + patience
    while True:
        try:
            lane.connect(f"\0fake-rdma.2.{port}")
            break
        except BlockingIOError:     # its backlog is full
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
    lane.settimeout(patience)
    lane.sendall(struct.pack("=H", socket.AF_INET) +
                 struct.pack(">H4s120x", 7, socket.inet_aton(host)))
    return lane


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


class Talk:
    """A connection's two legs; `lane` is None as long as there is none."""

    def __init__(self, mark):
        self.mark = mark
        self.tcp = self.lane = None
        self.marked = False
        self.sent = self.received = 0   # bytes of either stream
        self.their_boundary = None

    def raw(self, data):
        self.tcp.sendall(data)
        self.sent += len(data)

    def say_bytes(self, data):
        """On the TCP leg behind the boundary."""
        if not self.marked:
            data = self.mark + data
            self.marked = True
        self.tcp.sendall(data)

    def say(self, *args, **more):
        self.say_bytes(record(*args, **more))

    def flood(self, data, seconds, stop=None):
        """As much of this as the TCP leg takes. Returns the bytes."""
        until = time.monotonic() + seconds
        self.say_bytes(b"")
        self.tcp.settimeout(0.2)
        sent = at = 0
        while time.monotonic() < until and not (stop and stop()):
            try:
                put = self.tcp.send(data[at:])
            except TimeoutError:
                continue
            except OSError:
                break
            sent += put
            at = (at + put) % len(data)
        return sent

    def on_lane(self, data):
        self.lane.settimeout(PATIENCE)
        self.lane.sendall(data)
        self.sent += len(data)

    def echo(self, data, patience=PATIENCE):
        """The other application says it back by the lane."""
        self.on_lane(data)
        good = read_exactly(self.lane, len(data), patience) == data
        self.received += len(data)
        self.say(ACK, self.received)
        return good

    def close(self, with_reset=False):
        for leg in self.tcp, self.lane:
            if leg and with_reset and leg is self.tcp:
                reset(leg)
            elif leg:
                leg.close()


class Client(Talk):
    """The active side."""

    def __init__(self, port, greet=True, mark=b"m" * TOKEN_SIZE,
                 host="127.0.0.1", **more):
        super().__init__(mark)
        self.host = host
        self.tcp = socket.create_connection(
            ("127.0.0.1", port), timeout=PATIENCE, source_address=(host, 0))
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.flags, self.token, self.addresses = 0, bytes(TOKEN_SIZE), []
        if greet:
            self.say_hello()
            self.hear_reply(**more)

    def say_hello(self):
        self.tcp.sendall(hello(self.tcp.getsockname(),
                               self.tcp.getpeername(), self.mark))

    def hear_reply(self, patience=PATIENCE):
        head = read_exactly(self.tcp, REPLY_SIZE, patience)
        if head[:8] != MAGIC:
            raise ValueError(f"no REPLY but {head!r}")
        self.flags, _, count = struct.unpack_from(">IHB", head, 12)
        self.token, self.their_mark = head[20:36], head[36:52]
        rest = read_exactly(self.tcp, ADDRESS_SIZE * count)
        for at in range(0, len(rest), ADDRESS_SIZE):
            port, host = struct.unpack_from(">xxH4s", rest, at)
            self.addresses.append((socket.inet_ntoa(host), port))

    def join(self, upto=DONE, boundary=None, ring_kib=1024, token=None,
             host=None, patience=PATIENCE):
        """The five messages, up to one of them."""
        self.lane = reach_lane(self.addresses[0][1], host or self.host,
                               patience)
        self.lane.sendall(lane_message(JOIN, token or self.token))
        if upto < JOINED:
            return self
        self.their_boundary = boundary_of(self.hear_lane(JOINED, patience))
        if upto >= SWITCH:
            self.lane.sendall(lane_message(
                SWITCH, boundary=self.sent if boundary is None else boundary,
                ring_kib=ring_kib))
        if upto >= CONFIRM:
            self.hear_lane(CONFIRM, patience)
        if upto >= DONE:
            self.lane.sendall(lane_message(DONE))
        return self

    def hear_lane(self, kind, patience=PATIENCE):
        got = read_exactly(self.lane, LANE_SIZE, patience)
        if got[9] != kind:
            raise ValueError(f"lane message {got[9]}, not {kind}")
        return got


class Server:
    """The passive side: a TCP listener, and one for lanes."""

    def __init__(self, lane_port, addresses=None, flags=1,
                 token=b"t" * TOKEN_SIZE, mark=b"s" * TOKEN_SIZE,
                 marked=False):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        if marked:      # its SYN's answers are those of an aware server
            self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG,
                                     MARK_PASSIVE)
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.lanes = socket.socket(socket.AF_UNIX)
        self.lanes.bind(f"\0fake-rdma.2.{lane_port}")
        self.lanes.listen(64)
        self.lanes.settimeout(PATIENCE)
        self.addresses = addresses or [("127.0.0.1", lane_port)]
        self.flags, self.token, self.mark = flags, token, mark

    def accept(self, answer=True):
        talk = Talk(self.mark)
        talk.tcp, _ = self.listener.accept()
        talk.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk.hello = read_exactly(talk.tcp, HELLO_SIZE)
        if answer:
            talk.tcp.sendall(reply(self.token, self.mark, self.addresses,
                                   self.flags))
        return talk

    def accept_lane(self, talk, boundary=0, upto=DONE, ring_kib=1024):
        talk.lane, _ = self.lanes.accept()
        read_exactly(talk.lane, SOCKADDR_SIZE + LANE_SIZE)
        talk.lane.sendall(lane_message(JOINED, boundary=boundary,
                                       ring_kib=ring_kib))
        if upto >= SWITCH:
            talk.their_boundary = boundary_of(
                read_exactly(talk.lane, LANE_SIZE))
        if upto >= CONFIRM:
            talk.lane.sendall(lane_message(CONFIRM))
        if upto >= DONE:
            read_exactly(talk.lane, LANE_SIZE)

    def close(self):
        self.listener.close()
        self.lanes.close()
