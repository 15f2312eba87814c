# SPDX-License-Identifier: BSD-2-Clause
"""
The victim and the innocents of a case, and what of the victim is to be as it
was: descriptors, threads, memory, processor time.
"""

import glob
import json
import os
import re
import socket
import subprocess
import sys
import time

from attacker import Client

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPRESSIONS = os.path.realpath(f"{HERE}/../semantics/tsan.supp")
RULES = "connect 127.0.0.0/8:* prefer probe; listen 127.0.0.0/8:* prefer"
SLOWEST = 4.0           # seconds for an innocent's word; machines are loaded
PATIENT = {"SHUNT_LANE_STALL_TIMEOUT": "10s"}   # more than SLOWEST
AFTER = 12              # seconds until all is as it was
MEMORY_KIB = 24 * 1024  # an allocator keeps some
TICK_MS = 1000 // os.sysconf("SC_CLK_TCK")


class Wrong(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Wrong(text)


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while True:
        got = condition()
        if got or time.monotonic() >= until:
            return got
        time.sleep(0.05)


def sanitizer(library):
    """The runtime of the sanitizer that a library was built with, or None."""
    said = subprocess.run(["ldd", library], capture_output=True, text=True,
                          check=False).stdout
    found = re.search(r"=> (/\S*/lib[at]san\.so\S*)", said)
    return found and found[1]


def sanitized(runtime, reports):
    """
    The program itself is not built with it, so its runtime is preloaded, where
    it would stand otherwise: behind the library. What it reports are files.
    """
    common = f"log_path={reports}/report"
    return {
        "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0:"
                        "disable_coredump=0:"   # a shim would be called
                        f"quarantine_size_mb=16:{common}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:{common}.ub",
        "TSAN_OPTIONS": "atexit_sleep_ms=0:report_thread_leaks=0:"
                        "die_after_fork=0:history_size=7:"
                        f"suppressions={SUPPRESSIONS}:{common}",
    } if runtime else {}


def environment(options, rules=RULES, **more):
    env = {key: value for key, value in os.environ.items()
           if not key.startswith("SHUNT_")}
    # What is freed of large pieces goes back to the kernel (mallopt(3)).
    env.update(MALLOC_MMAP_THRESHOLD_="131072")
    runtime = sanitizer(options.lib)
    env.update(sanitized(runtime, getattr(options, "reports", ".")))
    env.update(LD_PRELOAD=" ".join(filter(None, (options.lib, runtime))),
               SHUNT_RULES=rules,
               SHUNT_RDMA_LIBRARY=options.runtime, SHUNT_LOG_LEVEL="info",
               PYTHONDONTWRITEBYTECODE="1", **more)
    return env


def hold_port():
    """A socket whose port is nobody's but its and that of a program that is
    told the number and sets SO_REUSEADDR, as this does."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def open_full_pipe():
    """Nobody reads; what is written blocks."""
    reading, writing = (os.fdopen(fd, mode, 0) for fd, mode in
                        zip(os.pipe(), ("rb", "wb")))
    os.set_blocking(writing.fileno(), False)
    while writing.write(b"x" * 4096):
        pass
    os.set_blocking(writing.fileno(), True)
    return reading, writing


class Process:
    def __init__(self, args, env, log, to_pipe=False):
        """`to_pipe`: its standard error is a pipe that is full at once."""
        self.log = log
        open(log, "wb").close()
        self.pipe = open_full_pipe() if to_pipe else None
        with self.pipe[1] if to_pipe else open(log, "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *args], env=env, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors, text=True)
        self.pid = self.process.pid

    def line(self):
        return self.process.stdout.readline().strip()

    def tell(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def logged(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def end(self):
        self.process.kill()
        self.process.wait()


class Victim(Process):
    def __init__(self, options, log, rules=RULES, to_pipe=False, **more):
        self.sanitized = sanitizer(options.lib)     # it has memory of its own
        with hold_port() as held:
            required = held.getsockname()[1]
            rules = f"listen 127.0.0.1/32:{required} require; {rules}"
            super().__init__([f"{HERE}/victim.py", str(required)],
                             environment(options, rules, **more), log, to_pipe)
            self.ports = json.loads(self.line())
        self.warm_up()

    def warm_up(self):
        """What is made on first need is there: listeners, the thread."""
        for name in "echo", "thread":
            client = Client(self.ports[name]).join()
            check(client.echo(b"warm"), "the first lane does not work")
            client.close()
        time.sleep(0.5)
        self.before = self.now()

    def now(self):
        folder = f"/proc/{self.pid}"
        with open(f"{folder}/status", encoding="ascii") as file:
            status = file.read()
        with open(f"{folder}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return {
            "fds": len(os.listdir(f"{folder}/fd")),
            "threads": int(re.search(r"Threads:\s+(\d+)", status)[1]),
            "kib": int(re.search(r"VmRSS:\s+(\d+)", status)[1]),
            "cpu_ms": (int(fields[11]) + int(fields[12])) * TICK_MS,
        }

    def lives(self):
        return self.process.poll() is None

    def sleeps(self):
        """How often its threads, those that are there, went to sleep."""
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/status"):
            with open(path, encoding="ascii", errors="replace") as file:
                total += int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)",
                                       file.read())[1])
        return total

    def busy(self, seconds=0.5):
        """The share of a processor that it takes now."""
        begun, at = self.now()["cpu_ms"], time.monotonic()
        time.sleep(seconds)
        return (self.now()["cpu_ms"] - begun) / 1000 / (time.monotonic() - at)

    def is_as_before(self, seconds=AFTER):
        def same():     # memory goes last: when nobody looks at it any more
            now = self.now()
            grown = now["kib"] - self.before["kib"]
            return now if (
                now["fds"] <= self.before["fds"] and
                now["threads"] <= self.before["threads"] and
                (self.sanitized or grown < MEMORY_KIB)) else None

        check(self.lives(), f"ended: {self.process.poll()}")
        # A second look could find a thread that closes an innocent's lane.
        now = wait_for(same, seconds) or self.now()
        for what in "fds", "threads":
            check(now[what] <= self.before[what],
                  f"{what}: {self.before[what]} before, {now[what]} after")
        grown = now["kib"] - self.before["kib"]
        check(self.sanitized or grown < MEMORY_KIB, f"{grown} KiB grown")
        check(wait_for(lambda: self.busy() < 0.2, 5), "it is busy still")


class Innocents:
    """One on plain TCP, one on a lane, both at the echo server."""

    def __init__(self, options, victim, log):
        port = str(victim.ports["echo"])
        plain = environment(options)
        del plain["LD_PRELOAD"]
        self.plain = Process([f"{HERE}/innocent.py", port], plain,
                             f"{log}.plain")
        self.lane = Process([f"{HERE}/innocent.py", port],
                            environment(options, **PATIENT), f"{log}.lane")
        for each in self.plain, self.lane:
            said = each.line()
            check(said == "ready", f"an innocent says: {said}")
        check(wait_for(lambda: "moves to rdma" in self.lane.logged(), 20),
              "an innocent has no lane")

    def have_not_noticed(self, slowest=SLOWEST):
        for name in "plain", "lane":
            each = getattr(self, name)
            each.process.stdin.close()
            said = each.line().split()
            check(said[:1] == ["words"], f"innocent, {name}: {said}")
            check(float(said[2]) <= slowest,
                  f"innocent, {name}: a word took {said[2]} s")
        left = [line for line in self.lane.logged().splitlines()
                if "stays on tcp" in line or "failed" in line]
        check(not left, f"the innocent has lost its lane: {left}")
        self.end()

    def end(self):
        for each in self.plain, self.lane:
            each.end()
