# SPDX-License-Identifier: BSD-2-Clause
"""
What goes by on the interfaces of a namespace: SYNs, with their MSS, and the
segments that begin with the magic of our messages. The rest stays with the
kernel.
"""

import collections
import ctypes
import socket
import struct

MAGIC = bytes.fromhex("F57368756E74F4C1")     # include/shunt/wire.h
HELLO, REPLY = 1, 2
FIN, SYN, RST, ACK = 1, 2, 4, 16
ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
OUTGOING = 4        # PACKET_OUTGOING
MSS_OPTION = 2

# Classic BPF (linux/filter.h), at the network header: TCP with SYN, or with
# a payload whose first word is the magic's. Of each row: code, k, and where
# to go on if it holds and if not, by label.
PROGRAM = (
    ("", 0x30, 0, None, None),                   # A = first byte
    ("", 0x74, 4, None, None),                   # A >>= 4
    ("", 0x15, 4, "v4", None),
    ("", 0x15, 6, "v6", "drop"),
    ("v4", 0x30, 9, None, None),                 # A = protocol
    ("", 0x15, 6, None, "drop"),
    ("", 0xb1, 0, None, None),                   # X = length of the header
    ("", 0x05, "tcp", None, None),
    ("v6", 0x30, 6, None, None),                 # A = next header
    ("", 0x15, 6, None, "drop"),
    ("", 0x01, 40, None, None),                  # X = 40
    ("tcp", 0x50, 13, None, None),               # A = flags
    ("", 0x45, SYN, "take", None),
    ("", 0x50, 12, None, None),                  # A = data offset, in words
    ("", 0x54, 0xf0, None, None),
    ("", 0x74, 2, None, None),
    ("", 0x0c, 0, None, None),                   # A += X
    ("", 0x07, 0, None, None),                   # X = A
    ("", 0x40, 0, None, None),                   # A = first word
    ("", 0x15, int.from_bytes(MAGIC[:4], "big"), "take", "drop"),
    ("take", 0x06, 0xffff, None, None),
    ("drop", 0x06, 0, None, None),
)

Segment = collections.namedtuple(
    "Segment", "device outgoing source sport dport flags sequence mss ttl message")


def assemble():
    labels = {row[0]: at for at, row in enumerate(PROGRAM)}
    code = b""
    for at, (_, what, k, yes, no) in enumerate(PROGRAM):
        jumps = [labels[to] - at - 1 if to else 0 for to in (yes, no)]
        k = labels[k] - at - 1 if isinstance(k, str) else k
        code += struct.pack("HBBI", what, *jumps, k)
    return code


def mss_of(options):
    """The value of TCP's MSS option, 0 without one."""
    while options and options[0]:
        if options[0] == 1:     # padding
            options = options[1:]
            continue
        if options[0] == MSS_OPTION:
            return int.from_bytes(options[2:4], "big")
        options = options[max(options[1], 2):] if len(options) > 1 else b""
    return 0


def tcp(packet):
    """From the network header on: source, TTL, TCP header, its payload."""
    if packet[0] >> 4 == 4:
        at, ttl = 4 * (packet[0] & 15), packet[8]
        source = socket.inet_ntop(socket.AF_INET, packet[12:16])
        end = int.from_bytes(packet[2:4], "big") or len(packet)
    else:
        at, ttl = 40, packet[7]
        source = socket.inet_ntop(socket.AF_INET6, packet[8:24])
        end = 40 + int.from_bytes(packet[4:6], "big")
    after = at + (packet[at + 12] >> 4) * 4
    return source, ttl, packet[at:after], packet[after:end]


def segment(packet, name):
    source, ttl, header, payload = tcp(packet)
    sport, dport, sequence = struct.unpack("!HHI", header[:8])
    message = payload[9] if payload.startswith(MAGIC) and len(payload) > 9 \
        else 0
    return Segment(name[0], name[2] == OUTGOING, source, sport, dport,
                   header[13], sequence, mss_of(header[20:]), ttl, message)


class Sniffer:
    """Of the namespace that it is made in."""

    def __init__(self):
        code = assemble()
        buffer = ctypes.create_string_buffer(code)
        program = struct.pack("HL", len(PROGRAM), ctypes.addressof(buffer))
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                    socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # RCVBUFFORCE
        self.socket.setblocking(False)

    def take(self):
        """The segments that have gone by since it was last asked."""
        found = []
        while True:
            try:
                packet, name = self.socket.recvfrom(65535)
            except BlockingIOError:
                return found
            found.append(segment(packet, name))
