# SPDX-License-Identifier: BSD-2-Clause
"""
The program that is attacked: servers of several habits in one process, and a
client on request. Says its ports, then takes orders from standard input:

    dial PORT       connect there, send a little, and stay
    fetch PORT      connect there, and say how many bytes came, or errno
    drop            close what it has dialled
    system          run a program, and say how long that took
    shrink          fork, make smaller what is shared, and say with what success
    norandom        have no getrandom(2) any more
    quit            exit(3) in order
"""

import ctypes
import errno
import itertools
import json
import os
import select
import selectors
import socket
import struct
import sys
import threading
import time

dialled = []
turn = itertools.count()


def echo_all(listener):
    """One thread, epoll, never blocking."""
    waiting = selectors.DefaultSelector()
    listener.setblocking(False)
    waiting.register(listener, selectors.EVENT_READ)

    def serve(sock, unsent):
        try:
            if not unsent:
                data = sock.recv(65536)
                if not data:
                    return None
                unsent = data
            unsent = unsent[sock.send(unsent):]
        except BlockingIOError:
            pass
        except OSError:
            return None
        return unsent

    while True:
        for key, _ in waiting.select():
            if key.fileobj is listener:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    time.sleep(0.02)
                    continue
                sock.setblocking(False)
                waiting.register(sock, selectors.EVENT_READ, b"")
                continue
            unsent = serve(key.fileobj, key.data)
            if unsent is None:
                waiting.unregister(key.fileobj)
                key.fileobj.close()
                continue
            waiting.modify(key.fileobj, selectors.EVENT_WRITE if unsent
                           else selectors.EVENT_READ, unsent)


def each(listener, serve):
    """A thread for each connection."""
    def run(sock):
        sock.set_inheritable(True)      # system() has to send it back
        try:
            serve(sock)
        except OSError:
            pass
        sock.close()

    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            time.sleep(0.02)
            continue
        threading.Thread(target=run, args=(sock,), daemon=True).start()


def echo_one(sock):
    while data := sock.recv(65536):
        sock.sendall(data)


def hear_nothing(sock):
    """Reads nothing; closes what the peer has reset or closed."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    poll.poll()


def told_only(sock):
    """Read once, answer, and close."""
    sock.recv(65536)
    sock.sendall(b"bye")


def speak_much(sock):
    """Sends as long as something is taken, waits a little, and sends again."""
    sock.recv(65536)
    sock.setblocking(False)
    for _ in range(20):
        try:
            while True:
                sock.send(bytes(65536))
        except BlockingIOError:
            time.sleep(0.2)


def keep(sock):
    """What it hears is shown: `require` lets nothing through raw. Each second
    one waits until it may send."""
    if next(turn) % 2:
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        poll.poll()
    while data := sock.recv(65536):
        print("heard", data[:40], flush=True)
        sock.sendall(data)


def listen(port=0):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener


def start(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def dial(port):
    sock = socket.create_connection(("127.0.0.1", port))
    dialled.append(sock)
    for _ in range(20):
        sock.send(b"x" * 2000)
        time.sleep(0.01)


def fetch(port):
    """A client that the server speaks to first."""
    sock = socket.create_connection(("127.0.0.1", port))
    dialled.append(sock)
    try:
        print("fetched", len(sock.recv(65536)), flush=True)
    except OSError as problem:
        print("fetched", problem.errno, flush=True)


def shrink():
    """A child makes its parent's memory files smaller, as far as it may."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = "none"
    for fd in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("/memfd:shunt "):
                said = "refused"
                os.ftruncate(int(fd), 0)
                said = "done"
                break
        except OSError:
            pass
    os._exit(("none", "refused", "done").index(said))


def no_random():
    """A seccomp filter on all threads: ENOSYS."""
    random, seccomp = {"x86_64": (318, 317), "aarch64": (278, 277)}[
        os.uname().machine]
    words = [(0x20, 0, 0, 0), (0x15, 0, 1, random),
             (0x06, 0, 0, 0x50000 | errno.ENOSYS), (0x06, 0, 0, 0x7fff0000)]
    code = ctypes.create_string_buffer(b"".join(
        struct.pack("=HBBI", *word) for word in words))
    program = ctypes.create_string_buffer(struct.pack(
        "@HP", len(words), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)                      # PR_SET_NO_NEW_PRIVS
    return libc.syscall(seccomp, 1, 1, program)     # SET_MODE_FILTER, TSYNC


def obey(words):
    begun = time.monotonic()
    if words[0] == "dial":
        start(dial, int(words[1]))
    elif words[0] == "fetch":
        start(fetch, int(words[1]))
    elif words[0] == "drop":
        while dialled:
            dialled.pop().close()
    elif words[0] == "shrink":
        print("shrink", ("none", "refused", "done")[shrink()], flush=True)
    elif words[0] == "norandom":
        print("norandom", no_random(), flush=True)
    elif words[0] == "say":
        print("said", flush=True)
    elif words[0] == "system":
        status = os.system("true")
        print("system", status, round(time.monotonic() - begun, 2),
              flush=True)


def main():
    ports = {}
    for name, run, *more in (("echo", echo_all), ("thread", each, echo_one),
                             ("deaf", each, hear_nothing),
                             ("much", each, speak_much),
                             ("once", each, told_only)):
        listener = listen()
        ports[name] = listener.getsockname()[1]
        start(run, listener, *more)
    if len(sys.argv) > 1:
        listener = listen(int(sys.argv[1]))
        ports["require"] = listener.getsockname()[1]
        start(each, listener, keep)
    print(json.dumps(ports), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            break
        obey(words)
    sys.exit(0)


main()
