# SPDX-License-Identifier: BSD-2-Clause
"""
A talk: one or more connections of a case, from listen() to their ends, what is
right of each, and what was seen of it. Greeting is of the table `table`,
Kernel of the table `kernel`.
"""

import os
import time

import cases
import network
import sniffer
from programs import Side, now

LONGEST = 50        # seconds, of one talk: then it hangs
AFTER_MOST = 25     # seconds, until the server knows that it is over, too
LANE_MOST = 30      # seconds, until a lane is there
LOG_MOST = 2        # seconds, until the log has its last line
KERNEL_KIB = 16     # nothing but the handshake matters there
TCP_MAXSEG = 6, 2       # level and name
MARK_MOST = 21841       # of a server: three fit in a window of 64 KiB
USUAL_TTL = 64
DEVICE_MTU = 4096
SYN, SYN_ACK = sniffer.SYN, sniffer.SYN | sniffer.ACK


class Talk:
    """One talk of a row: it is had, seen, and found to be right or not."""

    def __init__(self, setting, row, talk):
        self.setting, self.row, self.talk = setting, row, talk
        self.case = cases.CASES[row.case]
        self.path = setting.paths[self.case.path]
        self.problems = []
        self.port = setting.port(self.case.rule)
        self.dials = self.expected_dials()
        self.client = self.side(row.client, network.CLIENT)
        self.server = self.side(row.server, network.SERVER)
        self.segments = []

    @staticmethod
    def talks(case):
        return case.talks

    def kib_of(self, case):
        return case.kib

    def expected_dials(self):
        return 1

    def way(self, way):
        return way

    def v(self, pair):
        return pair[self.case.family == 6]

    def addresses(self, end):
        return self.v((end.v4, end.v6))

    def side(self, way, role):
        case = self.case
        serves = role == network.SERVER
        told = {"talk": self.talk, "kib": self.kib_of(case), "port": self.port,
                **(case.server if serves else case.client)}
        own = self.addresses(self.path.server)
        told["address"] = case.bind or own if serves else self.v(self.path.dial)
        if case.mapped:
            told.update(address="::ffff:" + told["address"], dual=True)
        if case.md5:
            told["md5"] = self.addresses(self.path.client) if serves else own
        if serves and self.dials > 1:
            told["connections"] = self.dials
        told["options"] = [*told.get("options", ()), *self.options(way, role)]
        told.update(self.more(way, role))
        return Side(self.setting.program(self.way(way), role), self.port, told)

    def options(self, way, role):
        """More of them, for what a program does itself."""
        return []

    def more(self, way, role):
        """More that it is told."""
        return {}

    def problem(self, text):
        if text not in self.problems:
            self.problems.append(text)

    # What happens.

    def have(self):
        if self.case.prepare:
            self.case.prepare(self.path)
        self.setting.take()
        until = now() + LONGEST
        self.server.tell("serve")
        answer = self.server.hear("listening", now() + LONGEST)
        if answer and "listening" in answer:
            self.client.tell("dial")
            self.wait_for_lanes()
            for side in self.client, self.server:
                side.program.tell(self.port, "go")
            self.client.hear("results", until)
            self.server.hear("results", now() + AFTER_MOST)
        self.segments = [s for s in self.setting.take()
                         if self.port in (s.sport, s.dport)]
        self.judge()

    def wait_for_lanes(self):
        pass

    # What is right whatever the row says.

    def judge(self):
        for side in self.client, self.server:
            role = side.program.role
            skip = self.dials - 1 if role == network.SERVER else 0
            for result in side.results[skip:]:
                if "error" in result:
                    self.problem(f"{role}: {result['error']}")
            if not side.results:
                self.problem(f"{role}: no results")
        if not self.problems:
            self.judge_names()
            self.judge_held()

    def judge_names(self):
        """Both see the same addresses, if nobody between translates them."""
        there = {tuple(plain_name(r["local"])) for r in self.client.results}
        seen = {tuple(plain_name(r["peer"])) for r in self.server.results
                if "peer" in r}
        if self.case.path != "snat" and not there <= seen:
            self.problem(f"client is {there}, server sees {seen}")
        for result in self.client.results:
            if plain_name(result["peer"]) != [self.v(self.path.dial), self.port]:
                self.problem(f"client's peer is {result['peer']}")

    def judge_held(self):
        """
        Nothing is held for a greeting that will not come: of a client whose
        server was not greeted, of a server whose client is unaware.
        """
        greeted = any(s.message for s in self.segments)
        for result in self.client.results:
            if result.get("held") and not greeted:
                self.problem("client: its first bytes are held for nothing")
        for result in self.server.results:
            if result.get("held") and self.row.client == "plain":
                self.problem("server: its first bytes are held for nothing")

    # What is seen.

    def mss(self, flags):
        """As it was sent, and as it arrived at the other end."""
        mine = [s for s in self.segments if s.flags & SYN_ACK == flags]
        sent = [s for s in mine if s.outgoing]
        came = [s for s in mine if not s.outgoing and s.device != "lo"]
        if not sent:
            return "?"
        text = str(sent[0].mss)
        if came and came[0].mss != sent[0].mss:
            text += f">{came[0].mss}"
        return text + ttl_mark(sent[0].ttl)

    def seen_mss(self):
        return [self.mss(SYN), self.mss(SYN_ACK)]


def ttl_mark(ttl):
    """A TTL that is not the usual one."""
    return f"/{ttl}" if ttl != USUAL_TTL else ""


def plain_name(name):
    return [name[0].removeprefix("::ffff:"), name[1]]


def packets():
    """What the device has sent: the proof that bytes went by RDMA."""
    with open(f"/sys/class/infiniband/{os.environ['SHUNT_T_DEV']}/ports/1/"
              "hw_counters/sent_pkts") as file:
        return int(file.read())


class Greeting(Talk):
    """With the library."""

    TABLE = "table"
    COLUMNS = "SYN", "SYN-ACK", "ours", "dials", "lane", "client's", "server's"
    MESSAGES = {sniffer.HELLO: "HELLO", sniffer.REPLY: "REPLY"}

    def expected_dials(self):
        return int(self.row.wanted[3])

    def wanted(self):
        """The row, as it is without lanes if there can be none."""
        wanted = list(self.row.wanted)
        if self.setting.args.hosts and wanted[4] == "rdma":
            wanted[4:] = ["tcp", "closed", "closed"]
        return wanted

    def wait_for_lanes(self):
        if self.wanted()[4] != "rdma":
            return
        until = now() + LANE_MOST
        count = self.client.told.get("connections", 1)
        while now() < until and self.client.program.process.poll() is None:
            if min(self.client.count("on_rdma"),
                   self.server.count("on_rdma")) >= count:
                return
            time.sleep(0.02)

    def have(self):
        sent = packets()
        super().have()
        moved = packets() - sent
        least = 2 * self.case.kib * 1024 // DEVICE_MTU
        if self.wanted()[4] == "rdma" and moved < least:
            self.problem(f"the device has sent {moved} packets, not {least}")

    def messages(self):
        """Ours, as they were sent."""
        found = []
        for s in self.segments:
            if s.outgoing and s.message:
                word = self.MESSAGES.get(s.message, str(s.message))
                if word not in found:
                    found.append(word)
        return "+".join(found) or "-"

    def count_dials(self):
        dialled = {(s.source, s.sport, s.sequence) for s in self.segments
                   if s.outgoing and s.flags & SYN_ACK == SYN}
        return len(dialled) // self.client.told.get("connections", 1)

    def lanes(self):
        lanes = [side.last("lane", "tcp") for side in (self.client, self.server)
                 if side.aware]
        return "+".join(sorted(set(lanes))) or "tcp"

    def seen(self):
        """Waits for the log's last lines to be as they should, for a while."""
        until = now() + LOG_MOST
        while True:
            row = [*self.seen_mss(), self.messages(), str(self.count_dials()),
                   self.lanes(),
                   *(side.last("reason", "?") if side.aware else "-"
                     for side in (self.client, self.server))]
            if row == self.wanted() or now() > until or self.problems:
                return row
            time.sleep(0.02)


class Kernel(Talk):
    """Without the library; a way that is not plain is "mark"."""

    TABLE = "kernel"
    COLUMNS = "SYN", "SYN-ACK", "reads", "saved", "sight"

    @staticmethod
    def talks(case):
        return case.talks[:1]

    def kib_of(self, case):
        return min(case.kib, KERNEL_KIB)

    def way(self, way):
        return "plain"

    def options(self, way, role):
        if way == "plain" or role == network.CLIENT:
            return []
        room = self.path.server.mtu - (60 if self.case.family == 6 or
                                       self.case.server.get("dual") else 40)
        value = room - (room - 3) % 16 - 2
        return [[*TCP_MAXSEG, min(value, MARK_MOST)]]

    def more(self, way, role):
        return {"save_syn": role == network.SERVER, "mark": way == "mark"}

    def wanted(self):
        return self.row.wanted

    def sight(self, told):
        """PROTOCOL.md, section 1: is what the client reads a mark?"""
        marked = self.row.server == "mark"
        if told["mss"] % 16 == 1 and told["mss"] < told["announced"] and \
                told["mss"] < told["room"] and not told["half"]:
            return "mark" if marked else "false"
        return "hidden" if marked else "none"

    def saved(self):
        """The SYN's MSS, and TTL, as the server's kernel has kept it."""
        packet = bytes.fromhex(self.server.results[0].get("syn", ""))
        if not packet:
            return "-"
        _, ttl, header, _ = sniffer.tcp(packet)
        return f"{sniffer.mss_of(header[20:])}{self.arrived(ttl)}"

    def arrived(self, ttl):
        """Of a TTL that routers may have lowered."""
        return ttl_mark(ttl) if self.path.name in network.ONE_HOST else ""

    def seen(self):
        if self.problems:
            return self.seen_mss()
        told = self.client.results[0]["told"]
        return [*self.seen_mss(), str(told["mss"]), self.saved(),
                self.sight(told)]
