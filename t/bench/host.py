# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the benchmark that need no RDMA: (a), (b), (f), (g)."""
import os
import re
import resource
import socket
import subprocess
import tempfile
import time

from measure import (Target, before, environment, in_turns, pinned, row,
                     rspreload)

LIMIT = 300


def settings(build):
    """name -> (library, further variables), of the ways of part (a)."""
    return {'plain': (None, {}),
            'shunt': (f'{build}/.libs/libshunt.so', {'DEFAULT': 'prefer'}),
            'shunt, tcp': (f'{build}/.libs/libshunt.so', {}),
            'before': (before(), {'DEFAULT': 'prefer'}),
            'before, tcp': (before(), {}),
            'librspreload': (rspreload(), {})}


def calls(build, count, library, behind, variables):
    with pinned(0):
        said = subprocess.run([f'{build}/t/bench/calls', str(count)],
                              env=environment(library, behind, **variables),
                              text=True, capture_output=True, check=True,
                              timeout=LIMIT)
    return {line.split()[0]: float(line.split()[1])
            for line in said.stdout.splitlines()}


def instructions(build, name, library, behind, variables):
    """Of one call, by callgrind: the same on a busy machine. valgrind's own
    start is not preloaded."""
    words = [f'{word}={value}' for word, value in
             environment(library, behind, **variables).items()
             if word == 'LD_PRELOAD' or word.startswith('SHUNT_')]
    counts = []
    for count in 1000, 2000:
        said = subprocess.run(
            ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null',
             '--trace-children=yes', 'env', *words,
             f'{build}/t/bench/calls', str(count), name], text=True,
            env=environment(), capture_output=True, check=True, timeout=LIMIT)
        counts.append(int(re.findall(r'Collected : (\d+)', said.stderr)[-1]))
    return (counts[1] - counts[0]) / 1000


CALLS = 'read', 'write', 'poll', 'poll8', 'epoll_wait', 'close'
EPOLL = 'epoll_wait, rules tcp'


def several(build, turns, count, behind):
    """way -> call -> median of the turns."""
    names = list(CALLS)
    measures = {
        way: lambda library=library, variables=variables: tuple(
            calls(build, count, library, behind, variables)[name]
            for name in names)
        for way, (library, variables) in settings(build).items()
        if library or way == 'plain'}
    medians = in_turns(turns, measures)
    return {way: dict(zip(names, values)) for way, values in medians.items()}


def of_call(figures, name):
    return {way: calls[name] for way, calls in figures.items()}


def part_a(build, quick):
    nothing = f'{build}/t/bench/.libs/libnothing.so'
    own = several(build, 3 if quick else 31, 10**5 if quick else 10**6, nothing)
    real = several(build, 3 if quick else 11, 10**4 if quick else 10**5, None)
    counted = {way: {name: instructions(build, name, library, nothing, extra)
                     for name in CALLS}
               for way, (library, extra) in settings(build).items()
               if library or way == 'plain'}
    over = Target('plain + 3 ns', 'shunt', 'plain', 3, difference=True)
    best = Target('librspreload', 'shunt', 'librspreload', 1.0)
    rows = []
    for name in CALLS:
        rows += row(f'(a) {name}, empty call', 'ns', of_call(own, name),
                    *([] if name == 'poll8' else [over, best]))
    tcp = of_call(own, 'epoll_wait')
    for way in 'shunt', 'before':
        tcp[way] = tcp.get(f'{way}, tcp')
    rows += row(f'(a) {EPOLL}, empty call', 'ns', tcp, over, best)
    for name in CALLS:
        rows += row(f'(a) {name}, empty call', 'instructions',
                    of_call(counted, name))
    for name in CALLS:
        rows += row(f'(a) {name}, system call', 'ns', of_call(real, name))
    return rows


class Redis:
    """A redis-server of its own on loopback."""

    def __init__(self, env):
        self.port = free_port()
        self.env = env
        with pinned(1):
            self.process = subprocess.Popen(
                ['redis-server', '--port', self.port, '--save', '', '--bind',
                 '127.0.0.1'], env=env, stdout=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', int(self.port))) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit('redis-server did not come up')

    def busy(self):
        """Processor seconds, of the server and of all clients so far."""
        with open(f'/proc/{self.process.pid}/stat') as file:
            fields = file.read().rpartition(')')[2].split()
        ours = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK') +
                ours.ru_utime + ours.ru_stime)

    def bench(self, requests, *options):
        """Requests a second, and processor time of one (microseconds)."""
        busy = self.busy()
        with pinned(0):
            said = subprocess.run(
                ['redis-benchmark', '-p', self.port, '-t', 'get', '--csv',
                 '-n', str(requests), *options], env=self.env, text=True,
                check=True, capture_output=True, timeout=LIMIT)
        return (float(said.stdout.splitlines()[-1].split(',')[1].strip('"')),
                (self.busy() - busy) / requests * 1e6)

    def end(self):
        self.process.terminate()
        self.process.wait()


def part_b(build, quick):
    target = Target('0.99 of plain', 'shunt', 'plain', 0.99, at_most=False)
    ways = {'plain': environment()}
    for way, library in (('shunt', f'{build}/.libs/libshunt.so'),
                         ('before', before())):
        if library:
            ways[way] = environment(library, DEFAULT='prefer',
                                    RULES='connect *:* tcp; listen *:* tcp')
    servers = {way: Redis(env) for way, env in ways.items()}
    requests, turns = (5000, 3) if quick else (100000, 21)
    rows = []
    try:
        for clients in '1', '50':
            count = requests if clients == '50' else requests // 4
            figures = in_turns(turns, {
                way: lambda server=server: server.bench(count, '-c', clients)
                for way, server in servers.items()})
            name = f'(b) redis-benchmark -c {clients}, loopback, tcp'
            rows += row(name, 'requests/s',
                        {way: pair[0] for way, pair in figures.items()},
                        target)
            rows += row(name, 'CPU us',
                        {way: pair[1] for way, pair in figures.items()},
                        Target('', 'shunt', 'plain'))
    finally:
        for server in servers.values():
            server.end()
    return rows


def start(env):
    begun = time.perf_counter()
    with pinned(0):
        subprocess.run(['/bin/true'], env=env, check=True)
    return (time.perf_counter() - begun) * 1e3


def memory(env):
    """KiB of a process: resident, and of them what it has written to. (Pages of
    a file are private too as long as no other process has looked at them.)"""
    said = subprocess.run(['/bin/cat', '/proc/self/smaps_rollup'], env=env,
                          text=True, capture_output=True, check=True).stdout
    sizes = dict(re.findall(r'^(\w+): +(\d+) kB', said, re.M))
    return int(sizes['Rss']), int(sizes['Private_Dirty'])


def part_g(build, quick):
    library = f'{build}/.libs/libshunt.so'
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as conf:
        conf.write('version = 1; default = "prefer";')
        conf.flush()
        ways = {'plain': environment(),
                'shunt': environment(library, CONF=conf.name)}
        if before():
            ways['before'] = environment(before(), CONF=conf.name)
        if rspreload():
            ways['librspreload'] = environment(rspreload())
        times = in_turns(20 if quick else 500, {
            way: lambda env=env: start(env) for way, env in ways.items()})
        sizes = in_turns(5 if quick else 21, {
            way: lambda env=env: memory(env) for way, env in ways.items()})
    least = {'text': 'plain + 300 KiB', 'a': 'shunt', 'b': 'plain',
             'limit': 300, 'difference': True}
    return (row('(g) start and end of /bin/true', 'ms', times,
                Target('plain + 0.5 ms', 'shunt', 'plain', 0.5,
                       difference=True)) +
            row('(g) resident', 'KiB',
                {way: pair[0] for way, pair in sizes.items()},
                Target(**least), timed=False) +
            row('(g) of it written to', 'KiB',
                {way: pair[1] for way, pair in sizes.items()},
                Target(**least), timed=False))


class Loopback:
    """Both ends on 127.0.0.1."""
    name, rules, host = 'loopback', '127.0.0.0/8', '127.0.0.1'
    client = server = ()

    def end(self):
        pass


class Link:
    """Two network namespaces with a link between, for root."""
    name, rules, host = 'veth', '10.213.77.0/30', '10.213.77.2'

    def __init__(self):
        self.holders = [subprocess.Popen(['unshare', '-n', 'sleep', 'inf'])
                        for _ in range(2)]
        here = os.readlink('/proc/self/ns/net')
        for holder in self.holders:
            while os.readlink(f'/proc/{holder.pid}/ns/net') == here:
                time.sleep(0.01)
        self.client, self.server = (
            ('nsenter', '-t', str(holder.pid), '-n')
            for holder in self.holders)
        far = str(self.holders[1].pid)
        for words in (*self.client, 'ip', 'link', 'add', 'near', 'type', 'veth',
                      'peer', 'name', 'far', 'netns', far), \
                     (*self.client, 'ip', 'addr', 'add', '10.213.77.1/30',
                      'dev', 'near'), \
                     (*self.server, 'ip', 'addr', 'add', f'{self.host}/30',
                      'dev', 'far'), \
                     (*self.client, 'ip', 'link', 'set', 'near', 'up'), \
                     (*self.server, 'ip', 'link', 'set', 'lo', 'up'), \
                     (*self.server, 'ip', 'link', 'set', 'far', 'up'):
            subprocess.run(words, check=True)

    def end(self):
        for holder in self.holders:
            holder.kill()
            holder.wait()


def free_port():
    """As a word."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return str(free.getsockname()[1])


class Talk:
    """t/bench/talk, connecting; its server is under `served`."""
    test, events = 'connect', ()

    def __init__(self, build, place, served, env, *call):
        talk, there = f'{build}/t/bench/talk', (place.host, free_port())
        self.server = self.start(1, served, [*place.server, talk, *self.events,
                                             'serve', *there])
        self.client = self.start(0, env, [*place.client, talk, self.test,
                                          *there, *map(str, call)])

    @staticmethod
    def start(processor, env, words):
        with pinned(processor):
            process = subprocess.Popen(words, env=env, text=True,
                                       stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        process.stdout.readline()       # it is up
        return process

    def ask(self):
        self.client.stdin.write('go\n')
        self.client.stdin.flush()
        return tuple(map(float, self.client.stdout.readline().split()))

    def end(self):
        for process in self.client, self.server:
            process.kill()
            process.wait()


def in_talks(turns, starts):
    """in_turns() of talks that are up all the time; each name's function starts
    one."""
    up = {}
    try:
        for name, start in starts.items():
            up[name] = start()
        return in_turns(turns, {name: talk.ask for name, talk in up.items()})
    finally:
        for talk in up.values():
            talk.end()


def connects(build, quick, place):
    """way -> (connect(), with the first answer), microseconds."""
    rules = f'connect {place.rules}:* prefer; listen {place.rules}:* prefer'
    plain = environment()
    shunt, older = (environment(
        library, RULES=rules,
        RDMA_LIBRARY=f'{build}/t/fake/.libs/libfake-rdma.so')
        for library in (f'{build}/.libs/libshunt.so', before()))
    trusted = {**shunt, 'SHUNT_RULES': rules.replace('prefer', 'prefer trusted',
                                                     1)}
    ways = {'plain': (plain, plain), 'shunt': (shunt, shunt),
            'trusted': (shunt, trusted), 'unaware': (plain, shunt)}
    if before():
        ways['before'] = older, older
    return in_talks(5 if quick else 51, {
        way: lambda pair=pair: Talk(build, place, *pair, 50 if quick else 300)
        for way, pair in ways.items()})


def part_f(build, quick):
    """The greeting is the kernel's TCP alone. t/fake is what makes the server
    say yes; no lane is made for the little that is sent."""
    rows = []
    for kind in (Loopback, Link) if os.geteuid() == 0 else (Loopback,):
        place = kind()
        try:
            figures = connects(build, quick, place)
        finally:
            place.end()
        for i, (what, most) in enumerate((
                ('connect()', {'shunt': 1.1, 'unaware': 1.05}),
                ('connect() and the first answer', {'shunt': 2.0}))):
            for way, said in (('shunt', ''), ('trusted', ', trusted'),
                              ('unaware', ', an unaware server')):
                limit = most.get(way)
                rows += row(f'(f) {place.name}, {what}{said}', 'us',
                            {'plain': figures['plain'][i],
                             'shunt': figures[way][i],
                             'before': figures['before'][i] if way == 'shunt'
                             and 'before' in figures else None},
                            Target(f'{limit} of plain' if limit else '',
                                   'shunt', 'plain', limit))
    return rows


PARTS = {'a': part_a, 'b': part_b, 'f': part_f, 'g': part_g}
