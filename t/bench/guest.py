#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the benchmark that need an RDMA device: (c) to (f), (h) and
the replay ring's cost. Run in the guest by `run`:

        guest.py BUILD LIBRARY RUNTIME QUICK PARTS

The programs of all ways are up at the same time, their connections made and
on their lane; then each measures one batch in turn."""
import contextlib
import os
import re
import resource
import select
import subprocess
import sys
import time

from measure import (CLEAN, Target, before, environment, in_turns, pinned, row,
                     rspreload, save)

BUILD, LIBRARY, RUNTIME = sys.argv[1:4]
QUICK = sys.argv[4] == 'yes'
HOST = os.environ['SHUNT_T_ADDR4']
OUT = os.environ['SHUNT_GUEST_OUT']
LIMIT, PATIENCE = 400, 60   # seconds
RULES = f'connect {HOST}/32:* prefer; listen *:* prefer'
TURNS = 3 if QUICK else 25
port = 20000
# QEMU emulates `rep movsb` byte by byte, and libc copies more than 2 KiB with
# it: 108 us for 64 KiB instead of 17. No processor is like that.
CLEAN['GLIBC_TUNABLES'] = 'glibc.cpu.x86_rep_movsb_threshold=1000000000'


def shunt(library=LIBRARY, **more):
    """Logs to fd 2, patient with an emulation."""
    return environment(library, RULES=RULES, LOG_LEVEL='info',
                       HANDSHAKE_TIMEOUT='5s', **more)


WAYS = {'plain': environment(), 'shunt': shunt(), 'native': environment(),
         'no replay': shunt(LANE_REPLAY='0'),
        'many': shunt(LANE_PROFILE='many')}
SPINS = '0', '10us', '200us'    # 50us is what `shunt` has
WAYS.update({f'spin {spin}': shunt(LANE_BUSY_POLL=spin) for spin in SPINS})
if before():
    WAYS['before'] = shunt(before())
if rspreload():
    WAYS['librspreload'] = environment(rspreload())


def packets():
    """Sent by the device; the kernel reads it afresh every 10 ms."""
    time.sleep(0.02)
    path = f'/sys/class/infiniband/{os.environ["SHUNT_T_DEV"]}/ports/1'
    with open(f'{path}/hw_counters/sent_pkts') as file:
        return int(file.read())


def spent(pid):
    """Microseconds of processor, and sleeps, of all its threads so far."""
    ns = sleeps = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f'/proc/{pid}/task/{task}/schedstat') as file:
                ns += int(file.read().split()[0])
            with open(f'/proc/{pid}/task/{task}/status') as file:
                sleeps += int(re.search(r'^voluntary.*:\s*(\d+)', file.read(),
                                        re.M)[1])
    return ns / 1000, sleeps


class Failed(ValueError):
    pass


class Program:
    """A process that answers lines with lines, on a processor of its own."""

    def __init__(self, processor, way, *arguments, name, told):
        env = dict(WAYS[way])
        if not told:
            env.pop('SHUNT_LOG_LEVEL', None)
        option = {'native': ('-n', RUNTIME), 'smc': ('-s',)}.get(way, ())
        self.log = f'{OUT}/{name}.log'
        with open(self.log, 'w') as log, pinned(processor):
            self.process = subprocess.Popen(
                [f'{BUILD}/t/bench/talk', *option, *map(str, arguments)],
                env=env, text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log)

    def line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        said = self.process.stdout.readline() if ready else ''
        if not said:
            with open(self.log) as log:
                last = log.read().strip().split('\n')[-1]
            self.end()
            raise Failed(last or 'ended' if ready else 'hangs')
        return said

    def ask(self, question='go'):
        self.process.stdin.write(question + '\n')
        self.process.stdin.flush()
        return tuple(map(float, self.line().split()))

    def moves(self):
        with open(self.log) as log:
            return log.read().count('moves to rdma')

    def end(self):
        self.process.kill()
        self.process.wait()


class Pair:
    """Server and client; ready when the lanes are there. Without any to wait
    for nothing is logged, as by default: a line costs what connect() does."""

    def __init__(self, way, test, *arguments, events=(), lanes=1):
        global port
        port += 1
        self.way, self.lanes = way, lanes
        self.name = f'{port}.{way.replace(" ", "-")}.{test}'
        served = ('-e',) if test == 'wake' else events
        self.server = Program(1, way, *served, 'serve', HOST, port,
                              name=f'{self.name}.server', told=lanes > 0)
        self.server.line()
        self.client = Program(0, way, *events, test, HOST, port, *arguments,
                              name=f'{self.name}.client', told=lanes > 0)
        try:
            self.client.line()
            self.wait_for_lanes(lanes if WAYS[way].get('SHUNT_RULES') else 0)
        except Failed:
            self.end()
            raise

    def wait_for_lanes(self, lanes):
        """One in a hundred may have come too late, on a busy machine."""
        made, since = 0, time.monotonic()
        while made < lanes:
            time.sleep(0.1)
            now = min(self.client.moves(), self.server.moves())
            if now > made:
                made, since = now, time.monotonic()
            elif time.monotonic() > since + PATIENCE:
                print(f'  {self.name}: {made} of {lanes} lanes', flush=True)
                if made < lanes * 0.99:
                    raise Failed('not on RDMA')
                return

    def ask(self, question='go'):
        before = packets()
        figures = self.client.ask(question)
        moved = packets() - before
        if question == 'go' and self.lanes and \
                (moved > 10) != (self.way != 'plain'):
            raise Failed(f'{moved} packets by RDMA')
        return figures

    def spent(self):
        ends = [spent(end.process.pid) for end in (self.server, self.client)]
        return [sum(both) for both in zip(*ends)]

    def ask_all(self, units):
        """The figure, and what both ends spent on each of the units: as
        spent()."""
        before = self.spent()
        figure, = self.ask()
        after = self.spent()
        return figure, *((b - a) / units for a, b in zip(before, after))

    def end(self):
        self.server.end()
        self.client.end()


def pairs(ways, test, *arguments, events=(), lanes=1):
    """way -> a Pair that is up; the others are told."""
    up = {}
    for way in ways:
        if way not in WAYS:
            continue
        try:
            up[way] = Pair(way, test, *arguments, events=events, lanes=lanes)
        except (Failed, OSError) as error:
            print(f'  {test} {" ".join(events)} {way}: {error}', flush=True)
    return up


def end(up):
    for pair in up.values():
        pair.end()


ALL = 'plain', 'shunt', 'before', 'native', 'librspreload', 'no replay'


def as_shunt(figures, way):
    """Those of one of our ways beside what is not ours."""
    if way == 'shunt':
        return figures
    ours = {'shunt': figures[way]} if way in figures else {}
    return ours | {other: figures[other] for other in ('plain', 'native')
                   if other in figures}


def part_c():
    """64 B ping-pong and 64 KiB stream, and what the replay ring costs. What
    both ends take of the processor, and how often they sleep, tells of a
    machine what its time does not; so do other spins than the usual one."""
    rows, replay = [], []
    no_target = Target('', 'shunt', 'native')
    latency = Target('1.05 of native', 'shunt', 'native', 1.05)
    speed = Target('0.97 of native', 'shunt', 'native', 0.97, at_most=False)
    kinds = (('ping', (64, 100 if QUICK else 1000), 'ping-pong 64 B', 'us',
              latency),
             ('stream', (50 if QUICK else 64,), 'stream 64 KiB', 'MB/s',
              speed))
    for test, arguments, title, unit, target in kinds:
        for wait, events in ('blocking', ()), ('epoll', ('-e',)):
            spins = [f'spin {spin}' for spin in SPINS if test == 'ping']
            up = pairs((*ALL, *spins), test, *arguments, events=events)
            each, units = (('trip', arguments[1]) if test == 'ping'
                           else ('MB', arguments[0] * 65536 / 1e6))
            taken = in_turns(TURNS, {
                way: lambda pair=pair: pair.ask_all(units)
                for way, pair in up.items()})
            end(up)
            figures, time_of, sleeps = (
                {way: of[i] for way, of in taken.items()} for i in range(3))
            for way in ('shunt', *spins):
                said = f'(c) {title}, {wait}'
                if way != 'shunt':
                    said += f', {way}'
                for kind, of, of_what, aim in (
                        ('', figures, unit, target),
                        (': processor', time_of, f'us a {each}', no_target),
                        (': sleeps', sleeps, f'a {each}', no_target)):
                    rows += row(said + kind, of_what, as_shunt(of, way), aim)
            ring = {'shunt': figures.get('shunt'),
                    'off': figures.get('no replay')}
            replay += row(f'replay: {title}, {wait}', unit, ring,
                          Target('', 'shunt', 'off'),
                          note=f'off: {ring["off"]}; ratio: on / off')
    return rows + replay


def redis_server(way):
    """Process, port; None if it does not come up."""
    global port
    port += 1
    with open(f'{OUT}/redis.{port}.{way}.log', 'w') as log, pinned(1):
        process = subprocess.Popen(
            ['redis-server', '--bind', HOST, '--port', str(port), '--save',
             '', '--protected-mode', 'no'], env=WAYS[way], stdout=log,
            stderr=log)
    for _ in range(100):
        if process.poll() is not None:
            print(f'  redis-server {way}: status {process.returncode}',
                  flush=True)
            return None
        if f':{port} ' in subprocess.run(['ss', '-Hltn'], text=True,
                                         capture_output=True).stdout or (
                way == 'librspreload' and _ > 30):
            return process, port
        time.sleep(0.1)
    process.kill()
    return None


def redis_bench(way, at, clients, requests):
    before = packets()
    with pinned(0):
        said = subprocess.run(
            ['redis-benchmark', '-h', HOST, '-p', str(at), '-t', 'get',
             '--csv', '-c', str(clients), '-n', str(requests)],
            env=WAYS[way], text=True, capture_output=True, check=True,
            timeout=90)
    if (packets() - before > requests // 2) != (way != 'plain'):
        raise Failed(f'{packets() - before} packets by RDMA')
    return float(said.stdout.splitlines()[-1].split(',')[1].strip('"'))


def part_d():
    rows = []
    target = Target('above librspreload', 'shunt', 'librspreload', 1.0,
                    at_most=False)
    for clients, requests in (1, 4000), (50, 30000):
        requests = requests // 8 if QUICK else requests
        servers = {way: redis_server(way)
                   for way in ('plain', 'shunt', 'before',
                               'librspreload')
                   if way in WAYS}
        figures = in_turns(3 if QUICK else 7, {
            way: lambda way=way, at=server[1]: redis_bench(
                way, at, clients, requests)
            for way, server in servers.items() if server})
        for server in filter(None, servers.values()):
            server[0].kill()
            server[0].wait()
        note = '' if 'librspreload' in figures else 'fails under librspreload'
        rows += row(f'(d) redis-benchmark -c {clients}', 'requests/s',
                    figures, target, note=note)
    return rows


def slope(few, many, counts):
    return (many - few) / (counts[1] - counts[0])


def part_e_h():
    """One wake-up among many, and what a connection takes of memory."""
    counts = (1, 10) if QUICK else (1, 10, 100, 500)
    ways = 'plain', 'shunt', 'before', 'native'
    up = {}
    for count in counts:
        for way, pair in pairs(ways, 'wake', count, 50 if QUICK else 200,
                               lanes=count).items():
            up[way, count] = pair
    figures = in_turns(TURNS, {key: lambda pair=pair: pair.ask()[0]
                               for key, pair in up.items()})
    for count in counts[-2:]:
        for way, pair in pairs(['many'], 'wake', count, 1,
                               lanes=count).items():
            up[way, count] = pair
    last = counts[-1]
    rows = []
    for count in counts:
        of_count = {way: figures.get((way, count)) for way in ways}
        of_count['first'] = figures.get(('shunt', 1))
        target = Target('1.3 of that at 1', 'shunt', 'first', 1.3)
        rows += row(f'(e) wake-up, 1 active of {count}', 'us', of_count,
                    *([target] if count == last else []))
    from_to = counts[-2:]
    memory = {way: [up[way, count].ask('memory') if (way, count) in up
                    else None for count in from_to]
              for way in (*ways, 'many')}
    end(up)
    target = Target('1.10 of native', 'shunt', 'native', 1.10)
    for i, (what, most) in enumerate((('resident', 290), ('pinned', 70))):
        each = {way: slope(pair[0][i], pair[1][i], from_to)
                for way, pair in memory.items() if None not in pair}
        rows += row(f'(h) a connection, {what}', 'KiB', each, target,
                    timed=False)
        rows += row(f'(h) the same with lane.profile many, {what}', 'KiB',
                    {'plain': 0, 'shunt': each.get('many')},
                    Target(f'{most} KiB', 'shunt', 'plain', most,
                           difference=True), timed=False)
    return rows


def part_f():
    """What native rsockets take for it, where both can be had. The greeting
    is system calls and sleeps, which an emulation makes dear: its targets are
    of the host's part (f)."""
    up = pairs(('plain', 'shunt', 'before', 'native'), 'connect',
               10 if QUICK else 20, lanes=0)
    figures = in_turns(TURNS, {
        way: lambda pair=pair: pair.client.ask() for way, pair in up.items()})
    end(up)
    rows = []
    for i, what in enumerate(('connect()', 'connect() and the first answer')):
        rows += row(f'(f) in the guest, {what}', 'us',
                    {way: both[i] for way, both in figures.items()},
                    Target('', 'shunt', 'plain'))
    return rows


PARTS = {'c': part_c, 'd': part_d, 'e': part_e_h, 'h': part_e_h, 'f': part_f}


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    done, rows = set(), []
    for part in sys.argv[5]:
        if PARTS[part] in done:
            continue
        done.add(PARTS[part])
        print(f'part {part}', flush=True)
        rows += PARTS[part]()
        save(rows, f'{OUT}/rows.json')


if __name__ == '__main__':
    main()
