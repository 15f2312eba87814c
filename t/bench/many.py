# SPDX-License-Identifier: BSD-2-Clause
"""Many connections of one process, a tenth of them on lanes (t/fake): (k).

What one costs is compared with what it costs among a tenth as many: more is
something that looks at all of them."""
import os
import re
import resource
import subprocess
import time

import host
from measure import Target, environment, in_turns, row
from service import Wake, on_lanes, usage, used

MOST, A_TENTH = 10000, 10
FDS, LANE_FDS = 2, 3    # of a connection that may have a lane; more on t/fake
SPARE = 100             # other fds
OURS = 0.75             # of all fds: the last quarter is the program's alone
IDLE, PATIENCE = 5, 120     # seconds
ASKED = 5               # times


def fds(process):
    return len(os.listdir(f'/proc/{process.pid}/fd'))


def status(process, name):
    """Sum of a field of all its threads."""
    total = 0
    for task in os.listdir(f'/proc/{process.pid}/task'):
        with open(f'/proc/{process.pid}/task/{task}/status') as file:
            total += int(re.search(rf'^{name}:\s+(\d+)', file.read(), re.M)[1])
    return total


def resident(process):
    with open(f'/proc/{process.pid}/status') as file:
        return int(re.search(r'^VmRSS:\s+(\d+)', file.read(), re.M)[1])


def until(what, true):
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise ValueError(f'{what}: not within {PATIENCE} s')
        time.sleep(0.1)


def ask(build, process, *words):
    """Lines of `shunt ss` about the process."""
    return subprocess.run([f'{build}/shunt', 'ss', '-H', f'pid={process.pid}',
                           *words], env=environment(), text=True, check=True,
                          capture_output=True).stdout.splitlines()


def lanes_of(build, process):
    return len(ask(build, process, 'lane=rdma'))


class Crowd:
    """A server and a client with `count` connections; the figures of the
    server, in the order of FIGURES. `lanes` 0: plain."""

    def __init__(self, build, count, lanes):
        self.build, self.count, self.lanes = build, count, lanes
        served = env = environment()
        if lanes:
            env = on_lanes(build, LIMITS_LANES=str(lanes), LANE_PROFILE='many')
            # Of the server's, one address has a part alone.
            served = {**env, 'SHUNT_LIMITS_LANES': str(2 * lanes)}
        self.talk = Wake(build, host.Loopback(), served, env, count, 1)
        self.server, self.client = self.talk.server, self.talk.client

    def figures(self):
        try:
            if self.lanes:
                until(f'{self.lanes} lanes', lambda: lanes_of(
                    self.build, self.server) == self.lanes)
            made = used(self.server) / self.count
            told = self.tell() if self.lanes else (0.0, 0.0)
            time.sleep(IDLE)    # the last greetings' time is over
            return (resident(self.server), fds(self.server), self.wakes(),
                    made, *told, self.close())
        finally:
            self.talk.end()

    def wakes(self):
        """A second, of a server that nobody asks anything."""
        before = status(self.server, 'voluntary_ctxt_switches')
        time.sleep(IDLE)
        return (status(self.server, 'voluntary_ctxt_switches') - before) / IDLE

    def tell(self):
        """Processor time of `shunt ss` for each connection: the server's,
        the command's."""
        served, asked = used(self.server), usage()
        for _ in range(ASKED):
            if len(ask(self.build, self.server)) != self.count:
                raise ValueError('shunt ss has not all connections')
        many = ASKED * self.count
        return (used(self.server) - served) / many, (usage() - asked) / many

    def close(self):
        """The client ends; processor time of the server for each."""
        before = used(self.server)
        self.client.stdin.close()
        until('the end of all connections',
              lambda: fds(self.server) < SPARE)
        return (used(self.server) - before) / self.count


FIGURES = (('resident', 'KiB', None), ('fds', '', None),
           ('wake-ups of an idle server', '/s', 2),
           ('accept, and 16 exchanges', 'us', 1.3),
           ('shunt ss, the process', 'us', 1.3),
           ('shunt ss, the command', 'us', 1.3), ('close', 'us', 1.3))


def targets(name, unit, limit, few):
    if limit is None:
        return []
    if unit == '/s':
        return [Target(f'plain + {limit}', 'shunt', 'plain', limit,
                       difference=True)]
    return [Target(f'{limit} of that among {few}', 'shunt', 'few', limit)]


def part_k(build, quick):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = int(min(MOST // 4 if quick else MOST,
               (hard * OURS - SPARE) * A_TENTH // (A_TENTH * FDS + LANE_FDS)))
    few = many // A_TENTH
    sizes = {'plain': (many, 0), 'shunt': (many, many // A_TENTH),
             'few': (few, few // A_TENTH)}
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        taken = in_turns(1 if quick else 3, {
            way: lambda size=size: Crowd(build, *size).figures()
            for way, size in sizes.items()})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    rows = []
    for i, (name, unit, limit) in enumerate(FIGURES):
        # Counts are the same on a busy machine; times are each connection's.
        rows += row(f'(k) {many} connections, {many // A_TENTH} lanes: {name}',
                    unit, {way: values[i] for way, values in taken.items()},
                    *targets(name, unit, limit, few), timed=unit == 'us')
    return rows


PARTS = {'k': part_k}
