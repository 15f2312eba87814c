# SPDX-License-Identifier: BSD-2-Clause
"""What the suites of this folder share: where they run, the rules, `known`."""

import fnmatch
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def apart(program, argv):
    """Begin again in a network namespace of our own, if that is allowed."""
    if os.environ.pop("SHUNT_T_APART", None):
        return
    up = "ip link set lo up"
    for how in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run([*how, "sh", "-c", up], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            os.environ["SHUNT_T_APART"] = "yes"
            os.execvp(how[0], [*how, "sh", "-c", f'{up}; exec "$@"', "sh",
                               os.path.abspath(program), *argv])
    print("# no network namespace of our own: ports are shared with others")


def rules():
    """RDMA is preferred on loopback."""
    return "; ".join(f"{role} {where}:* prefer"
                     for role in ("connect", "listen")
                     for where in ("127.0.0.0/8", "[::1/128]"))


def known(suites, ways):
    """
    [(pattern of a case, ways, reason)] of the file `known`: the rows of these
    suites (patterns), whose name is what a row begins with, up to a dot.
    """
    rows = []
    with open(os.path.join(HERE, "known"), encoding="utf-8") as file:
        for line in file:
            if not line.strip() or line.startswith("#"):
                continue
            words = line.rstrip("\n").split(None, 2)
            if not any(fnmatch.fnmatchcase(words[0].split(".")[0], name)
                       for name in suites):
                continue
            if len(words) != 3 or not set(words[1].split(",")) <= set(ways):
                sys.exit(f"t/suites/known: not CASE WAYS REASON: {line}")
            rows.append((words[0], words[1].split(","), words[2]))
    return rows
