# SPDX-License-Identifier: BSD-2-Clause
"""What the measuring scripts share: ways, environments, rows.

A way is what a program is run with: plain, shunt, before (another build's
shunt), librspreload (these three preloaded), native (rsockets called by
name). A row is one figure in up to five ways, each with all its runs. The ratio is what its target is about; both
sides of it were measured in turns. If the machine was busy meanwhile it is
left out, and `refused` says why."""
import contextlib
import json
import os
import subprocess

from figure import Figure, compare, quartiles, runs
from quiet import unsteady

CLEAN = {name: value for name, value in os.environ.items()
         if name != 'LD_PRELOAD' and not name.startswith('SHUNT_')}
WAYS = 'plain', 'shunt', 'before', 'native', 'librspreload'
HERE = os.path.dirname(os.path.abspath(__file__))


def rspreload():
    """Debian's, or the one that SHUNT_T_RSPRELOAD names; None."""
    given = os.environ.get('SHUNT_T_RSPRELOAD')
    if given:
        return given
    listed = subprocess.run(['dpkg', '-L', 'librdmacm1'], text=True,
                            capture_output=True).stdout.split()
    return next((path for path in listed
                 if path.endswith('/librspreload.so')), None)


def before():
    """The library of the build that SHUNT_T_BEFORE names; None."""
    build = os.environ.get('SHUNT_T_BEFORE')
    return build and f'{build}/.libs/libshunt.so'


def environment(library=None, behind=None, **settings):
    """Of a program under `library`, with `behind` preloaded after it."""
    env = dict(CLEAN)
    preload = ' '.join(filter(None, (library, behind)))
    if preload:
        env['LD_PRELOAD'] = preload
    env.update({f'SHUNT_{name}': value for name, value in settings.items()})
    return env


@contextlib.contextmanager
def pinned(which):
    """What is started in it stays on one processor, by its number among those
    that we may use. The two ends of a talk have one each: where the scheduler
    wakes a server differs between two programs by more than what is
    measured."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[which % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def in_turns(turns, measures):
    """Call each of the dict's functions in turn; figures by name. Every other
    turn is backwards, so that nobody always comes after the same one.

    A function that answers None, or raises, has failed and is left out
    of the other turns."""
    figures = {name: [] for name in measures}
    for turn in range(turns):
        for name, measure in list(measures.items())[::-1 if turn % 2 else 1]:
            if figures[name] is None:
                continue
            try:
                figure = measure()
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                print(f'  {name}: {error}', flush=True)
                figure = None
            if figure is None:
                figures[name] = None
            else:
                figures[name].append(figure)
    return {name: list(map(Figure, zip(*values)))
            if isinstance(values[0], tuple) else Figure(values)
            for name, values in figures.items() if values}


class Target:
    """What is compared, how, and the limit: `at_most` or at least; None: the
    ratio is only told.

    `a` and `b` are names of the row's figures, ways or others."""

    def __init__(self, text, a, b, limit=None, at_most=True,
                 difference=False):
        self.text, self.a, self.b, self.limit = text, a, b, limit
        self.at_most, self.difference = at_most, difference

    def judge(self, figures):
        """What they are to each other, and whether that meets the limit; each
        may be None."""
        ratio = compare(figures.get(self.a), figures.get(self.b),
                        self.difference)
        if ratio is None or self.limit is None:
            return ratio, None
        return ratio, (ratio <= self.limit if self.at_most
                       else ratio >= self.limit)


def one_row(name, unit, figures, target, note, timed):
    ratio = met = None
    refused = ''
    if target:
        ratio, met = target.judge(figures)
        refused = timed and unsteady(figures, 'plain', target.b) or ''
    if refused:
        ratio = met = None
    return {'name': name, 'unit': unit, 'timed': timed, 'note': note,
            'target': target.text if target else '', 'refused': refused,
            'ratio': ratio, 'ratio_quartiles': quartiles(runs(ratio)),
            'met': met, 'runs': {way: runs(figure) for way, figure
                                 in figures.items() if runs(figure)},
            **{way: figures.get(way) for way in WAYS}}


def row(name, unit, figures, *targets, note='', timed=True):
    """One row for each target, and one for `before` if there is any; without
    them, one that is only told. `timed`: a busy machine changes it."""
    if figures.get('before') is not None:
        targets += Target('to before', 'shunt', 'before'),
    return [one_row(name, unit, figures, target, note, timed)
            for target in targets or (None,)]


def add_before(rows, then):
    """Rows of another build, whose figures of shunt are what was before."""
    older = {(line['name'], line['unit']): line['shunt'] for line in then}
    added = {}
    for line in rows:
        what = line['name'], line['unit']
        old = line['before'] = older.get(what)
        if old is not None:
            line['runs']['before'] = runs(old)
            added[what] = row(*what, {way: line[way] for way in WAYS},
                              timed=line['timed'])
    return rows + sum(added.values(), [])


def save(rows, path):
    with open(path, 'w') as file:
        json.dump(rows, file)
