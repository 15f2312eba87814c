# SPDX-License-Identifier: BSD-2-Clause
"""
The paths between a client's and a server's address, each with interfaces of
its own. Both ends are in the namespace that has the device (here), where
rules lead what they send to each other out by the path; or in namespaces of
their own, client and server. What is between is in further ones.

    path    ends' MTU      between
    r1500   1500  1500     a router
    r9000   9000  9000     a router
    up      1500  9000     a router
    down    9000  1500     a router
    narrow  9000  9000     two routers, with 1500 between them
    slow    1500  1500     a router, 100 ms away from either end
    bridge  1500  1500     a bridge
    dnat    1500  1500     a router that knows who has the server's address
    snat    1500  1500     a router that gives the client's an address of its own
    clamp   1500  1500     a router that lowers the MSS of both to 1400
    csyn    1500  1500     ... of the SYN alone
    cack    1500  1500     ... of the SYN-ACK alone
    lossy   1500  1500     a router that drops a client's first segment with data
    lost3   1500  1500     ... its first three, so they come after 1.4 s
    stray   1500  1500     ... of both to 1361, a server's mark by accident
    vxlan   1450  1450     a tunnel over 1500, whose ends have the addresses
    gre     1476  1476     the same
    wg      1420  1420     the same: WireGuard
    self    1500           none: the client dials an address of its own host
    loop                   none: loopback
"""

import contextlib
import ctypes
import socket
import subprocess
import time

CLIENT, SERVER = "client", "server"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2
IP_MTU, IPV6_MTU = 14, 24
DISCARD = 9             # a port that nobody listens on
DISCOVERY_MOST = 10     # seconds
FIRST_TABLE = 100
LOCAL_RULE = 1000   # behind the paths' rules


def enter(namespace):
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def inside(space):
    """This thread, and what it starts, is in the named namespace meanwhile."""
    if not space:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, \
            open(f"/run/netns/{space}") as there:
        enter(there)
        try:
            yield
        finally:
            enter(home)


def run(*command, text=None):
    done = subprocess.run(command, input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}\n{text or ''}")
    return done.stdout.strip()


def sysctl(space, settings):
    """Set them; returns the values that were there."""
    before = {}
    with inside(space):
        for name, value in settings.items():
            path = f"/proc/sys/net/{name}"
            with open(path) as file:
                before[name] = file.read().strip()
            with open(path, "w") as file:
                file.write(str(value))
    return before


class Plan:
    """
    What is to be made, all at once: a program started in an emulated machine
    takes a tenth of a second.
    """

    def __init__(self, here):
        self.spaces = [] if here else [CLIENT, SERVER]
        self.links = []     # veths, whichever namespaces they are in
        self.rules4, self.rules6 = [], []
        self.ip, self.more = {}, []

    def add(self, space, *lines):
        self.ip.setdefault(space, []).extend(lines)

    def after(self, space, *command, text=None):
        self.more.append((space, command, text))

    def carry_out(self):
        batch([f"netns add {space}" for space in self.spaces])
        for space in [None, *self.spaces]:
            loose(space)
        batch(self.links)
        for space, lines in self.ip.items():
            with inside(space):
                batch(["link set lo up", *lines])
        for option, lines in ("-4", self.rules4), ("-6", self.rules6):
            if lines:
                batch([f"rule add pref {LOCAL_RULE} lookup local",
                       "rule del pref 0", *lines], option)
        for space, command, text in self.more:
            with inside(space):
                run(*command, text=text)


def batch(lines, *options):
    if lines:
        run("ip", *options, "-batch", "-", text="\n".join(lines))


def loose(space):
    """Forward; take packets that come from a local address, or by a way back."""
    settings = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}
    for name in "all", "default":
        settings[f"ipv4/conf/{name}/rp_filter"] = 0
        settings[f"ipv4/conf/{name}/accept_local"] = 1
        settings[f"ipv6/conf/{name}/accept_dad"] = 0
    if space in (None, CLIENT, SERVER):
        del settings["ipv4/ip_forward"], settings["ipv6/conf/all/forwarding"]
    sysctl(space, settings)


class End:
    """One end of a path: its namespace, interface and addresses."""

    def __init__(self, path, role):
        net = 81 if role == SERVER else 80
        self.plan, self.role = path.plan, role
        self.space = None if path.here else role
        self.device = f"{path.name}-{role[0]}"
        self.table = FIRST_TABLE + 2 * path.number + (role == SERVER)
        self.near4 = f"10.{net}.{path.number}"
        self.near6 = f"fd{net}:{path.number}:"
        self.v4, self.v6 = f"{self.near4}.1", f"{self.near6}:1"
        self.gate4, self.gate6 = f"{self.near4}.254", f"{self.near6}:fe"

    def address(self, mtu):
        self.mtu = mtu
        self.plan.add(self.space, f"link set {self.device} mtu {mtu} up",
                      f"addr add {self.v4}/24 dev {self.device}",
                      f"addr add {self.v6}/64 dev {self.device} nodad")

    def route(self, addresses, routed):
        """What is sent to the addresses goes out here, from our own."""
        for to, own, gate, rules in zip(
                addresses, (self.v4, self.v6), (self.gate4, self.gate6),
                (self.plan.rules4, self.plan.rules6)):
            way = f"via {gate} " * routed + f"dev {self.device} src {own}"
            if self.space:
                self.plan.add(self.space, f"route add {to} {way}")
            else:
                self.plan.add(None, f"route add {to} {way} table {self.table}")
                rules.append(f"rule add pref {self.table} iif lo to {to} "
                             f"lookup {self.table}")


class Path:
    """ends: of both roles. dial: where the client finds the server."""

    def __init__(self, plan, name, number, here):
        self.plan, self.name, self.number, self.here = plan, name, number, here
        self.client, self.server = End(self, CLIENT), End(self, SERVER)
        self.ends = self.client, self.server
        self.dial = self.server.v4, self.server.v6

    def space(self, name):
        self.plan.spaces.append(f"{self.name}-{name}")
        return self.plan.spaces[-1]

    def wire(self, end, space):
        """From an end to a namespace between, where it is called as the end."""
        own = f"netns {end.space} " if end.space else ""
        self.plan.links.append(f"link add {end.device} {own}type veth "
                               f"peer name {end.role} netns {space}")

    def gateway(self, end, space, mtu):
        self.wire(end, space)
        self.plan.add(space, f"link set {end.role} mtu {mtu} up",
                      f"addr add {end.gate4}/24 dev {end.role}",
                      f"addr add {end.gate6}/64 dev {end.role} nodad")
        end.address(mtu)

    def routes(self, routed=True):
        self.client.route(self.dial, routed)
        self.server.route((self.client.v4, self.client.v6), routed)


def router(path, client_mtu, server_mtu):
    space = path.space("r")
    path.gateway(path.client, space, client_mtu)
    path.gateway(path.server, space, server_mtu)
    path.routes()
    return space


def filtered(path, rules):
    """A router with a chain of nftables."""
    path.plan.after(router(path, 1500, 1500), "nft", "-f", "-",
                    text=f"table inet t {{\nchain c {{\n{rules}\n}}\n}}\n")


def clamped(path, size, flags):
    filtered(path, f"""type filter hook forward priority mangle
        tcp flags & (syn|ack) {flags} tcp option maxseg size set {size}""")


def dnat(path):
    """The client dials an address that no host has, as a Service's is."""
    path.dial = f"10.83.{path.number}.1", f"fd83:{path.number}::1"
    filtered(path, f"""type nat hook prerouting priority dstnat
        ip daddr {path.dial[0]} dnat ip to {path.server.v4}
        ip6 daddr {path.dial[1]} dnat ip6 to {path.server.v6}""")


def snat(path):
    filtered(path, f"""type nat hook postrouting priority srcnat
        oifname server snat ip to {path.server.gate4}
        oifname server snat ip6 to {path.server.gate6}""")


def lossy(path, times):
    rules = [f"iifname client meta length > 100 ct mark {n} ct mark set {n + 1} drop"
             for n in reversed(range(times))]
    filtered(path, "\n".join(["type filter hook forward priority filter", *rules]))


def slow(path):
    space = router(path, 1500, 1500)
    for end in path.ends:
        path.plan.after(space, "tc", "qdisc", "add", "dev", end.role, "root",
                        "netem", "delay", "100ms")


def underlay(path):
    """Two namespaces on one wire of 1500; the addresses they have there."""
    spaces = path.space("a"), path.space("b")
    net = f"10.82.{path.number}", f"fd82:{path.number}:"
    path.plan.links.append(f"link add wire netns {spaces[0]} type veth "
                           f"peer name wire netns {spaces[1]}")
    for space, me in zip(spaces, (1, 2)):
        path.plan.add(space, "link set wire mtu 1500 up",
                      f"addr add {net[0]}.{me}/24 dev wire",
                      f"addr add {net[1]}:{me}/64 dev wire nodad")
    return spaces, net


def narrow(path):
    spaces, net = underlay(path)
    for space, end, far, to in zip(spaces, path.ends, path.ends[::-1], (2, 1)):
        path.gateway(end, space, 9000)
        path.plan.add(space, f"route add {far.near4}.0/24 via {net[0]}.{to}",
                      f"route add {far.near6}:/64 via {net[1]}:{to}")
    path.routes()


def bridge(path):
    space = path.space("b")
    path.plan.add(space, "link add switch up type bridge")
    for end in path.ends:
        path.wire(end, space)
        path.plan.add(space, f"link set {end.role} master switch up")
        end.address(1500)
    path.routes(routed=False)


def tunnel(path, mtu, kind, options=""):
    """Sent by the underlay's namespaces, as a container's is by its host."""
    spaces, net = underlay(path)
    sides = f"{net[0]}.1", f"{net[0]}.2"
    for end, space, local, remote in zip(path.ends, spaces, sides, sides[::-1]):
        between = f" local {local} remote {remote}" if options else ""
        path.plan.add(end.space, f"link add {end.device} link-netns {space} "
                                 f"type {kind} {options}{between}")
        end.address(mtu)
    path.routes(routed=False)
    return sides


def wireguard(path):
    sides = tunnel(path, 1420, "wireguard")
    keys = [run("wg", "genkey") for _ in sides]
    public = [run("wg", "pubkey", text=key) for key in keys]
    for end, key, other, remote in zip(path.ends, keys, public[::-1],
                                       sides[::-1]):
        path.plan.after(end.space, "wg", "set", end.device,
                        "listen-port", "51820", "private-key", "/dev/fd/0",
                        "peer", other, "endpoint", f"{remote}:51820",
                        "allowed-ips", "0.0.0.0/0,::/0", text=key)


def own(path):
    path.plan.add(path.server.space, f"link add {path.server.device} type dummy")
    path.server.address(1500)


def loop(path):
    path.server.v4, path.server.v6 = path.dial = "127.0.0.1", "::1"
    path.server.mtu = 65536


BUILDERS = {
    "r1500": lambda path: router(path, 1500, 1500),
    "r9000": lambda path: router(path, 9000, 9000),
    "up": lambda path: router(path, 1500, 9000),
    "down": lambda path: router(path, 9000, 1500),
    "narrow": narrow,
    "slow": slow,
    "bridge": bridge,
    "dnat": dnat,
    "snat": snat,
    "clamp": lambda path: clamped(path, 1400, "& syn == syn"),
    "csyn": lambda path: clamped(path, 1400, "== syn"),
    "cack": lambda path: clamped(path, 1400, "== (syn|ack)"),
    "lossy": lambda path: lossy(path, 1),
    "lost3": lambda path: lossy(path, 3),
    "stray": lambda path: clamped(path, 1361, "& syn == syn"),
    "vxlan": lambda path: tunnel(path, 1450, "vxlan", "id 7 dstport 4789"),
    "gre": lambda path: tunnel(path, 1476, "gre", "ttl 64"),
    "wg": wireguard,
    "self": own,
    "loop": loop,
}
ONE_HOST = "self", "loop"


def build(names, here):
    """{name: Path} of those that are wanted."""
    plan, paths = Plan(here), {}
    for number, (name, builder) in enumerate(BUILDERS.items(), 1):
        if name in names:
            paths[name] = Path(plan, name, number, here)
            builder(paths[name])
    plan.carry_out()
    return paths


def forget_mtu(path):
    """What path MTU discovery has found out at the ends."""
    for end in path.ends:
        with inside(end.space):
            for option in "-4", "-6":
                run("ip", option, "route", "flush", "cache")


def discover_mtu(path):
    """Send what is too long, until a router has said so."""
    for end, remote in (path.client, path.dial), (path.server, (
            path.client.v4, path.client.v6)):
        with inside(end.space):
            for address in remote:
                discover(address)


def discover(address):
    v6 = ":" in address
    level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,
                       socket.SOCK_DGRAM) as sock:
        sock.setsockopt(level, IPV6_MTU_DISCOVER if v6 else IP_MTU_DISCOVER,
                        PMTUDISC_DO)
        sock.connect((address, DISCARD))
        until = time.monotonic() + DISCOVERY_MOST
        while sock.getsockopt(level, IPV6_MTU if v6 else IP_MTU) > 1500:
            if time.monotonic() > until:
                raise RuntimeError(f"no router tells the MTU to {address}")
            with contextlib.suppress(OSError):
                sock.send(bytes(5000))
            time.sleep(0.01)
