# SPDX-License-Identifier: BSD-2-Clause
"""What is around the process: a child, and a kernel that refuses it things."""

import os
import re
import resource
import socket

from attacker import Client
from cases import case
from stage import check, wait_for


@case
def child_shrinks(victim):
    """A child makes the memory smaller that its parent shares with it, whose
    next look at it would be SIGBUS."""
    peer = Client(victim.ports["thread"]).join()
    victim.tell("shrink")
    said = victim.line()
    check(said == "shrink refused", f"the child's success: {said}")
    peer.close(with_reset=True)


@case
def no_random(victim):
    """The system gives no random bytes: a token would be the same for all."""
    victim.tell("norandom")
    check(victim.line() == "norandom 0", "there is no such filter")
    peer = Client(victim.ports["thread"])
    check(not peer.addresses and not any(peer.token),
          f"an offer, with the token {peer.token.hex()}")
    check(wait_for(lambda: "no_random" in victim.logged(), 5),
          "no reason is given")
    peer.close()


@case
def no_files(victim):
    """The process may have no more files, and is asked: it does not try to hear
    who asks again and again."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as file:
        name = re.search(rf"@(shunt/{victim.pid}/\w+)", file.read())[1]
    taken = {int(fd) for fd in os.listdir(f"/proc/{victim.pid}/fd")}
    free = next(fd for fd in range(len(taken) + 1) if fd not in taken)
    before = resource.prlimit(victim.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, (free, before[1]))
    askers = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    for asker in askers:
        asker.connect(f"\0{name}")
    busy = victim.busy(2)
    check(busy < 0.3, f"{busy:.2f} of a processor")
    resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, before)
    for asker in askers:
        asker.close()
