#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ledger.py FOLDER: do both ends of each lane tell of the same bytes?

Compares what src/rdma/ledger.h has written (files named ledger.PID, anywhere in
FOLDER): the same blocks of a direction, by their offset. One that differs was
changed between rsend(3) and rrecv(3). What one end alone tells of (it was
killed, or the lane failed) is not compared. Ports that were used twice are left
out. Exit status 1: some differ; 2: there was nothing to compare.
"""

import collections
import os
import sys


def read(folder):
    """({(from, to): {offset: (bytes, crc)}} sent, the same received, reused)"""
    told = {"sent": collections.defaultdict(dict),
            "received": collections.defaultdict(dict)}
    reused = set()
    for place, _, names in os.walk(folder):
        for name in names:
            if not name.startswith("ledger."):
                continue
            with open(os.path.join(place, name), encoding="utf-8") as file:
                for line in file:
                    words = line.split()
                    if len(words) != 6:
                        continue
                    lane, blocks = (words[0], words[1]), told[words[2]]
                    offset, size = int(words[3]), int(words[4])
                    if offset in blocks[lane]:
                        reused.add(lane)
                    blocks[lane][offset] = size, words[5]
    return told["sent"], told["received"], reused


def whereabouts(sent, crc):
    found = [str(offset) for offset, row in sent.items() if row[1] == crc]
    return f", which are those of {', '.join(found)}" if found else ""


def main():
    sent, received, reused = read(sys.argv[1])
    compared = lanes = 0
    wrong = []
    for lane in set(sent) & set(received) - reused:
        lanes += 1
        for offset, row in sorted(received[lane].items()):
            other = sent[lane].get(offset)
            if not other or other[0] != row[0]:
                continue
            compared += 1
            if other[1] != row[1]:
                wrong.append(f"FAIL: {lane[0]} to {lane[1]}: the {row[0]} "
                             f"bytes at {offset} came with CRC {row[1]}, not "
                             f"{other[1]}{whereabouts(sent[lane], row[1])}")
    print("\n".join(wrong), end="\n" if wrong else "")
    print(f"ledger: {compared} blocks of {lanes} directions of lanes are the "
          f"same at both ends, but {len(wrong)}; {len(reused)} left out")
    if not compared:
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
