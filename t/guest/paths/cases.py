# SPDX-License-Identifier: BSD-2-Clause
"""
The cases: a path, and what is special about its ends. What is to come of each
stands in the files `table` and `kernel`.

  family     4 or 6
  talks      who speaks first: "ask", the client; "greet", the server
  kib        so much goes both ways in the end
  rule       of the policy, by the port; see RULES
  bind       the server's address, if not the path's
  sysctl     of both ends' namespaces
  server, client, both
             what the programs are told (program.py)
  md5        TCP_MD5SIG on both ends' sockets
  mapped     both ends use IPv6 sockets and ::ffff:ADDRESS
  prepare    called with the path before each row
"""

import socket

import network

# Where a rule's ports begin, and its words in the policy.
RULES = {
    "mark": (20000, ""),
    "nat": (22000, "nat = true;"),
    "probe": (24000, 'greeting = "probe"; handshake = '
                     '{ probe_timeout = "1s"; forget_after = "0s"; };'),
    "trusted": (26000, 'greeting = "trusted";'),
    "number": (28000, "handshake = { mark = 1457; };"),
}

POLICY = """version = 1;
rules = (%s);
handshake = { timeout = "%dms"; grace = "%dms"; };
lane = { after_bytes = "%d"; after_messages = %d; stall_timeout = "30s"; };
log = { level = "info"; };
"""
REMOTE = '"10.0.0.0/8", "fd00::/8", "127.0.0.0/8", "::1"'
TIMEOUT_MS = 60000      # who waits as long hangs: talks.LONGEST
GRACE_MS = 1000
PORTS = 2000        # of a rule
NEVER = 1 << 30     # bytes and messages

BUFFER = [[socket.SOL_SOCKET, socket.SO_RCVBUF, 1]]     # the least there is
DEFER = [[socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1]]
NO_STAMPS = {"ipv4/tcp_timestamps": 0}
COOKIES = {"ipv4/tcp_syncookies": 2}
BOTH_TALKS = "ask", "greet"


def policy(hosts):
    """Lanes at once; none where they could not be made."""
    rules = ", ".join(
        f'{{ name = "{name}"; port = "{port}-{port + PORTS - 1}"; '
        f'remote = [{REMOTE}]; mode = "prefer"; {words} }}'
        for name, (port, words) in RULES.items())
    after = NEVER if hosts else 0
    return POLICY % (rules, TIMEOUT_MS, GRACE_MS, after, after)


class Case:
    def __init__(self, path, family=4, talks=BOTH_TALKS, kib=64, rule="mark",
                 bind=None, sysctl=None, server=None, client=None, both=None,
                 md5=False, mapped=False, prepare=None):
        self.path, self.family, self.talks, self.kib = path, family, talks, kib
        self.rule, self.bind, self.sysctl = rule, bind, sysctl or {}
        self.server = {**(both or {}), **(server or {})}
        self.client = {**(both or {}), **(client or {})}
        self.md5, self.mapped, self.prepare = md5, mapped, prepare


CASES = {
    "veth-1500": Case("r1500", kib=2048),
    "veth-1500-v6": Case("r1500", 6, kib=2048),
    "veth-9000": Case("r9000"),
    "veth-9000-v6": Case("r9000", 6),
    "1500-to-9000": Case("up"),
    "1500-to-9000-v6": Case("up", 6),
    "9000-to-1500": Case("down"),
    "9000-to-1500-v6": Case("down", 6),
    "narrow-first": Case("narrow", talks=("ask",), prepare=network.forget_mtu),
    "narrow-known": Case("narrow", prepare=network.discover_mtu),
    "hello-lost": Case("lossy"),
    "hello-lost-cookies": Case("lost3", talks=("greet",), sysctl=COOKIES,
                               server={"pause": 0.3}),
    "slow": Case("slow", kib=16),
    "bridge": Case("bridge"),
    "bridge-v6": Case("bridge", 6),
    "dnat": Case("dnat"),
    "dnat-v6": Case("dnat", 6),
    "snat": Case("snat"),
    "snat-v6": Case("snat", 6),
    "snat-allowed": Case("snat", rule="nat"),
    "clamp": Case("clamp"),
    "clamp-v6": Case("clamp", 6),
    "clamp-syn": Case("csyn", talks=("ask",)),
    "clamp-syn-greet": Case("csyn", talks=("greet",)),
    "clamp-synack": Case("cack"),
    "stray": Case("stray", talks=("ask",)),
    "clamp-probe": Case("clamp", talks=("ask",), rule="probe"),
    "clamp-trusted": Case("clamp", talks=("ask",), rule="trusted"),
    "vxlan": Case("vxlan"),
    "vxlan-v6": Case("vxlan", 6),
    "gre": Case("gre"),
    "gre-v6": Case("gre", 6),
    "wireguard": Case("wg"),
    "wireguard-v6": Case("wg", 6),
    "no-timestamps": Case("r1500", sysctl=NO_STAMPS),
    "cookies": Case("r1500", talks=("ask",), sysctl=COOKIES),
    "cookies-greet": Case("r1500", talks=("greet",), sysctl=COOKIES),
    "cookies-no-timestamps": Case("r1500", talks=("ask",),
                                  sysctl={**COOKIES, **NO_STAMPS}),
    "md5": Case("r1500", md5=True),
    "md5-v6": Case("r1500", 6, md5=True),
    "small-buffer": Case("r1500", kib=16, server={"options": BUFFER}),
    "small-buffer-9000": Case("r9000", kib=16, server={"options": BUFFER}),
    "defer-accept": Case("r1500", talks=("ask",), server={"options": DEFER}),
    "defer-accept-greet": Case("r1500", talks=("greet",),
                               server={"options": DEFER}),
    "backlog": Case("r1500", talks=("ask",), both={"connections": 6},
                    server={"backlog": 1, "late": 0.5}),
    "any": Case("r1500", bind="0.0.0.0"),
    "any-9000": Case("r9000", bind="0.0.0.0"),
    "any-number": Case("r1500", bind="0.0.0.0", rule="number"),
    "1500-to-9000-number": Case("up", rule="number"),
    "mapped": Case("r1500", mapped=True),
    "dual-9000": Case("r9000", bind="::", server={"dual": True}),
    "dual-9000-v6": Case("r9000", 6, bind="::", server={"dual": True}),
    "dual-number": Case("r1500", bind="::", rule="number",
                        server={"dual": True}),
    "no-runtime": Case("r1500"),
    "self": Case("self"),
    "self-v6": Case("self", 6),
    "loopback": Case("loop"),
    "loopback-v6": Case("loop", 6),
}
