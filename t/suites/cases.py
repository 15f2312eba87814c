#!/usr/bin/python3.11
# SPDX-License-Identifier: BSD-2-Clause
"""Run the cases of one module of CPython's own tests and record each.

    cases.py [--limit S] [--resource NAME]... [--leave CASE]... MODULE [CASE...]

CASE is a pattern; without one all are run but those to leave out. What happens goes as lines "== JSON" to the file
descriptor SHUNT_T_MARK_FD, to which the library logs as well, so that its
lines stand between the start and the end of their case:

    {"cases": [NAME...]}                       all that are to be run
    {"start": NAME}
    {"end": NAME, "is": OUTCOME, "why": TEXT}

A fixture (setUpClass and the like) is recorded only if it fails. A case, or a
fixture, that takes longer than S seconds ends the process with the stacks of
all threads on standard error.
"""

import argparse
import collections
import faulthandler
import fnmatch
import importlib
import json
import os
import traceback
import unittest

from test import support
from test.support import os_helper

RECORD = int(os.environ["SHUNT_T_MARK_FD"])
# The worst of what a case reports is its outcome.
OUTCOMES = ("ok", "skipped", "expected", "unexpected", "failed", "error")


def record(**what):
    os.write(RECORD, f"== {json.dumps(what)}\n".encode())


class Recorder(unittest.TestResult):
    def __init__(self, names, limit):
        super().__init__()
        self.names, self.limit = names, limit
        self.outcome, self.why = "ok", ""

    def name(self, test):
        return self.names.get(id(test)) or test.id()

    def startTest(self, test):
        self.outcome, self.why = "ok", ""
        record(start=self.name(test))
        faulthandler.dump_traceback_later(self.limit, exit=True)

    def stopTest(self, test):
        faulthandler.dump_traceback_later(self.limit, exit=True)
        record(end=self.name(test), **{"is": self.outcome, "why": self.why})

    def add(self, test, outcome, why):
        if id(test) not in self.names and not hasattr(test, "test_case"):
            record(end=test.id(), **{"is": outcome, "why": why})
        elif OUTCOMES.index(outcome) > OUTCOMES.index(self.outcome):
            self.outcome, self.why = outcome, why

    def addSkip(self, test, reason):
        self.add(test, "skipped", reason)

    def addFailure(self, test, err):
        self.add(test, "failed", "".join(traceback.format_exception(*err)))

    def addError(self, test, err):
        self.add(test, "error", "".join(traceback.format_exception(*err)))

    def addExpectedFailure(self, test, err):
        self.add(test, "expected", "")

    def addUnexpectedSuccess(self, test):
        self.add(test, "unexpected", "")

    def addSubTest(self, test, subtest, err):
        if err is None:
            return
        failed = issubclass(err[0], test.failureException)
        add = self.addFailure if failed else self.addError
        add(subtest, err)


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def load(module):
    """The module's tests in order, and their names by id()."""
    tests = list(flat(unittest.defaultTestLoader.loadTestsFromModule(
        importlib.import_module(f"test.{module}"))))
    names, seen = {}, collections.Counter()
    for test in tests:
        name = test.id().removeprefix("test.")
        seen[name] += 1
        again = f"#{seen[name]}" if seen[name] > 1 else ""
        names[id(test)] = name + again
    return tests, names


def wanted(name, args):
    return (not any(fnmatch.fnmatchcase(name, p) for p in args.leave) and
            any(fnmatch.fnmatchcase(name, p) for p in args.case or ["*"]))


def parse():
    p = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--limit", type=int, default=60)
    p.add_argument("--resource", action="append", default=[])
    p.add_argument("--leave", action="append", default=[])
    p.add_argument("module")
    p.add_argument("case", nargs="*")
    return p.parse_args()


def main():
    args = parse()
    support.use_resources = args.resource
    faulthandler.enable()
    faulthandler.dump_traceback_later(args.limit, exit=True)
    with os_helper.temp_cwd():
        try:
            tests, names = load(args.module)
        except unittest.SkipTest as e:
            record(cases=[args.module])
            record(end=args.module, **{"is": "skipped", "why": str(e)})
            return
        tests = [test for test in tests if wanted(names[id(test)], args)]
        record(cases=[names[id(test)] for test in tests])
        # The suite forgets what it has run, and id() wants it to be there.
        unittest.TestSuite(tests).run(Recorder(names, args.limit))


if __name__ == "__main__":
    main()
