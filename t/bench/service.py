# SPDX-License-Identifier: BSD-2-Clause
"""What the library does beside the application's calls: (i), (j)."""
import glob
import resource
import subprocess
import time

import host
from measure import Target, environment, row

CONNECTIONS = 100	# of (i)
RING, RECORDS, TURNS = 65536, 16, 50	# of (j): bytes, of an exchange, of a turn
FDS = 5			# of a lane on t/fake
EPOLL_PWAIT, EVENTS = '281', '0x40'	# on x86-64; in loop.c, and not in t/fake


class Wake(host.Talk):
    """Many connections at a time, each with enough sent for a lane."""
    test, events = 'wake', ('-e',)


def used(process):
    """Microseconds of a processor, of all its threads."""
    return sum(map(used_by, glob.glob(f'/proc/{process.pid}/task/*')))


def used_by(task):
    """The same of one, by its folder in /proc."""
    with open(f'{task}/schedstat') as file:
        return int(file.read().split()[0]) / 1e3


def usage():
    """The same of the programs that have ended."""
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (ours.ru_utime + ours.ru_stime) * 1e6


def on_lanes(build, **settings):
    """Of a program whose connections have lanes."""
    return environment(f'{build}/.libs/libshunt.so',
                       RULES='connect 127.0.0.0/8:* prefer; '
                             'listen 127.0.0.0/8:* prefer',
                       RDMA_LIBRARY=f'{build}/t/fake/.libs/libfake-rdma.so',
                       **settings)


def part_i(build, quick):
    """Two processes with lanes between them that rest meanwhile, so that all
    that they use is for the scrape."""
    scrapes = 20 if quick else 500
    env = on_lanes(build)
    talk = Wake(build, host.Loopback(), env, env, CONNECTIONS, 1)
    try:
        served, asked = used(talk.server), usage()
        for _ in range(scrapes):
            text = subprocess.run([f'{build}/shunt', 'metrics', '--once'],
                                  env=environment(), text=True, check=True,
                                  capture_output=True).stdout
        figures = {'each process': used(talk.server) - served,
                   'the command': usage() - asked}
        if f'lane="rdma"}} {CONNECTIONS}\n' not in text:
            raise SystemExit('the connections are not on lanes:\n' + text)
    finally:
        talk.end()
    # One scrape a second: a hundredth of a processor.
    target = Target('10 ms', 'shunt', 'plain', 10000, difference=True)
    return [line for name, figure in figures.items()
            for line in row(f'(i) a scrape, processor time of {name}', 'us',
                            {'plain': 0, 'shunt': figure / scrapes}, target)]


def asleep(process):
    """The folders of its threads that sleep as loop.c does."""
    found = []
    for task in glob.glob(f'/proc/{process.pid}/task/*'):
        with open(f'{task}/syscall') as file:
            call = file.read().split()
        if (call[0] == EPOLL_PWAIT and call[3] == EVENTS and
                not task.endswith(f'/{process.pid}')):
            found.append(task)
    return found


def service_thread(process):
    """The one, when it has done what the talk before has left it."""
    end = time.monotonic() + 10
    while len(found := asleep(process)) != 1:
        if time.monotonic() > end:
            raise SystemExit(f'service thread: {found}')
        time.sleep(0.01)
    return found[0]


class Records(Wake):
    """One connection is busy among many; the others rest. An ACK comes for
    each quarter of a ring."""

    def ask(self):
        thread = service_thread(self.server)
        before = used_by(thread)
        super().ask()
        return (used_by(thread) - before) / (TURNS * RECORDS)


def part_j(build, quick):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few, many = 10, min(500 if quick else 5000, hard // FDS - 50)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    env = on_lanes(build, LANE_REPLAY=str(RING))
    try:
        figures = host.in_talks(3 if quick else 15, {
            str(count): lambda count=count: Records(
                build, host.Loopback(), env, env, count, TURNS,
                RECORDS * RING // 4)
            for count in (few, many)})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return row(f'(j) a control record, service thread, {few} and {many} lanes',
               'us', {'shunt': figures[str(many)], 'few': figures[str(few)]},
               Target(f'1.3 of that with {few}', 'shunt', 'few', 1.3))


PARTS = {'i': part_i, 'j': part_j}
