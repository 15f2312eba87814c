# SPDX-License-Identifier: BSD-2-Clause
"""Whether the machine did nothing else. A ratio of a busy one is not told:
the wrong figure is remembered, and the doubt about it is not.

The load average does not say it: it still has the build that came before, and
the benchmark itself. So the time of all processors is compared with what the
benchmark's own programs have used."""
import os
import resource
import time

from figure import spread

OTHERS_MOST = 0.05      # of all processors' time, used by other programs
STEAL_MOST = 0.01       # of it, given to other machines by the host
SPREAD_MOST = 0.10      # distance of the quartiles, of the median
LOOK, PATIENCE = 2, 60  # seconds, of wait()
USER, NICE, SYSTEM, STEAL, FIELDS = 0, 1, 2, 7, 8  # of /proc/stat


def processors(proc):
    """Seconds since the boot: programs', stolen, all."""
    with open(f'{proc}/stat') as file:
        fields = [int(word) / os.sysconf('SC_CLK_TCK')
                  for word in file.readline().split()[1:FIELDS + 1]]
    return (fields[USER] + fields[NICE] + fields[SYSTEM], fields[STEAL],
            sum(fields))


def own():
    """Seconds of this process, and of its children that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in
               map(resource.getrusage, (resource.RUSAGE_SELF,
                                        resource.RUSAGE_CHILDREN)))


class Watch:
    """From here to busy(). All children that are started meanwhile shall have
    ended by then, because the kernel adds a child's time at its end."""

    def __init__(self, proc='/proc', used=own):
        self.proc, self.used = proc, used
        self.before, self.own = processors(proc), used()

    def busy(self):
        """Why what was measured meanwhile says nothing; '' if it does."""
        programs, stolen, whole = (
            now - then for now, then in zip(processors(self.proc),
                                            self.before))
        if whole <= 0:
            return ''
        others = max(0.0, programs - (self.used() - self.own)) / whole
        return '; '.join(
            f'{what} {share:.0%} of the processors (at most {most:.0%})'
            for what, share, most in (
                ('other programs used', others, OTHERS_MOST),
                ('the host took', stolen / whole, STEAL_MOST)) if share > most)


def wait(patience=PATIENCE, look=LOOK, watch=Watch):
    """Until nothing else runs, for `patience` seconds at most. '' or why it
    is busy still."""
    until = time.monotonic() + patience
    while True:
        looked = watch()
        time.sleep(look)
        why = looked.busy()
        if not why or time.monotonic() >= until:
            return why


def unsteady(figures, *names):
    """Which of these figures differed too much from turn to turn; ''."""
    for name in names:
        if spread(figures.get(name)) > SPREAD_MOST:
            return (f'{name} differed by {spread(figures[name]):.0%} '
                    f'(at most {SPREAD_MOST:.0%})')
    return ''


def refuse(rows, why):
    """Take the ratios out of rows that a busy machine has changed."""
    for row in rows:
        if why and row['timed'] and row['ratio'] is not None:
            row.update(ratio=None, met=None, refused=why)
