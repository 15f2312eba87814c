# SPDX-License-Identifier: BSD-2-Clause
"""Part (i): what a scrape costs a process, and the command that asks it."""
import glob
import resource
import subprocess

import host
from measure import Target, environment, row

CONNECTIONS = 100


class Wake(host.Talk):
    """Many connections at a time, each with enough sent for a lane."""
    test, events = 'wake', ('-e',)


def used(process):
    """Microseconds of a processor, of all its threads (/proc/PID/schedstat)."""
    total = 0
    for path in glob.glob(f'/proc/{process.pid}/task/*/schedstat'):
        with open(path) as file:
            total += int(file.read().split()[0])
    return total / 1e3


def usage():
    """The same of the programs that have ended."""
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (ours.ru_utime + ours.ru_stime) * 1e6


def part_i(build, quick):
    """Two processes with lanes between them that rest meanwhile, so that all
    that they use is for the scrape."""
    scrapes = 20 if quick else 500
    env = environment(f'{build}/.libs/libshunt.so',
                      RULES='connect 127.0.0.0/8:* prefer; '
                            'listen 127.0.0.0/8:* prefer',
                      RDMA_LIBRARY=f'{build}/t/fake/.libs/libfake-rdma.so')
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
