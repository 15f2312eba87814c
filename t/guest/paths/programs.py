# SPDX-License-Identifier: BSD-2-Clause
"""The programs as the test holds them: told what to do, and heard."""

import json
import os
import queue
import re
import subprocess
import tempfile
import threading
import time

import network

HERE = os.path.dirname(os.path.abspath(__file__))
LOG_FD = 100


def now():
    return time.monotonic()


class Program:
    """
    A process of program.py, in a namespace. Its way: plain; shunt, under the
    library; bare, under the library without an RDMA runtime.
    """

    def __init__(self, setting, way, role):
        self.setting, self.way, self.role = setting, way, role
        self.space = role if setting.args.hosts else None
        self.log = tempfile.NamedTemporaryFile(prefix=f"{way}.{role}.")
        self.start()

    def environment(self):
        env = {"PATH": os.environ["PATH"]}
        if self.way != "plain":
            args = self.setting.args
            env.update(LD_PRELOAD=args.lib, SHUNT_LOG_FD=str(LOG_FD),
                       SHUNT_CONF=self.setting.policy.name)
            if self.way == "bare":
                env["SHUNT_RDMA_LIBRARY"] = "/nonexistent"
            elif args.hosts:
                env["SHUNT_RDMA_LIBRARY"] = args.runtime
        return env

    def start(self):
        self.answers = queue.Queue()
        fd = os.open(self.log.name, os.O_WRONLY | os.O_APPEND)
        os.dup2(fd, LOG_FD)
        os.close(fd)
        with network.inside(self.space):
            self.process = subprocess.Popen(
                ["/usr/bin/python3", f"{HERE}/program.py"], text=True,
                env=self.environment(), pass_fds=[LOG_FD],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.close(LOG_FD)
        threading.Thread(target=self.listen, daemon=True,
                         args=(self.process, self.answers)).start()

    @staticmethod
    def listen(process, answers):
        for line in process.stdout:
            answers.put(json.loads(line))
        answers.put({"ended": True})

    def tell(self, tag, what, **told):
        line = json.dumps({"tag": tag, "do": what, **told}) + "\n"
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass        # its end is the answer

    def hear(self, tag, key, until):
        """The answer with the key; None: none came, and it begins anew."""
        while True:
            try:
                answer = self.answers.get(timeout=max(until - now(), 0.1))
            except queue.Empty:
                answer = {"ended": True}
            if answer.get("tag") == tag and (key in answer or
                                             "results" in answer):
                return answer
            if "ended" in answer:
                self.process.kill()
                self.process.wait()
                self.start()
                return None

    def end(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()

    def lines(self, start):
        with open(self.log.name, errors="replace") as log:
            log.seek(start)
            return log.read().splitlines()

    def size(self):
        return os.path.getsize(self.log.name)


class Side:
    """One end in one talk: the program, and what it says of its connections."""

    def __init__(self, program, port, told):
        self.program, self.port, self.told = program, port, told
        self.start = program.size()
        self.results = []
        self.answer = None
        arrow = "->" if program.role == network.CLIENT else "<-"
        where = r"\S*:%d" % port
        self.pattern = re.compile(
            rf"-> {where} " if arrow == "->" else rf"{where} <- ")

    @property
    def aware(self):
        return self.program.way != "plain"

    def lines(self):
        return [line for line in self.program.lines(self.start)
                if self.pattern.search(line)]

    def count(self, reason):
        return sum(f"reason={reason} " in line for line in self.lines())

    def last(self, field, default):
        found = [m.group(1) for line in self.lines()
                 if (m := re.search(rf" {field}=(\S+)", line))]
        return found[-1] if found else default

    def tell(self, what):
        self.program.tell(self.port, what, **self.told)

    def hear(self, key, until):
        self.answer = self.program.hear(self.port, key, until)
        if self.answer is None:
            self.results = [{"error": "hang"}]
        else:
            self.results = self.answer.get("results", self.results)
        return self.answer
