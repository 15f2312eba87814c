# SPDX-License-Identifier: BSD-2-Clause
"""What the measuring scripts share: ways, environments, rows.

A way is what a program is run with: plain, shunt, librspreload (both
preloaded), native (rsockets called by name). A row is one figure in up to
four ways. The ratio is what its target is about; both sides of it were
measured in turns, and each is the median of its turns."""
import json
import os
import statistics
import subprocess

CLEAN = {name: value for name, value in os.environ.items()
         if name != 'LD_PRELOAD' and not name.startswith('SHUNT_')}
WAYS = 'plain', 'shunt', 'native', 'librspreload'
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


def environment(library=None, behind=None, **settings):
    """Of a program under `library`, with `behind` preloaded after it."""
    env = dict(CLEAN)
    preload = ' '.join(filter(None, (library, behind)))
    if preload:
        env['LD_PRELOAD'] = preload
    env.update({f'SHUNT_{name}': value for name, value in settings.items()})
    return env


def in_turns(turns, measures):
    """Call each of the dict's functions in turn; medians by name.

    A function that answers None, or raises, has failed and is left out
    of the other turns."""
    figures = {name: [] for name in measures}
    for _ in range(turns):
        for name, measure in measures.items():
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
    return {name: list(map(statistics.median, zip(*values)))
            if isinstance(values[0], tuple) else statistics.median(values)
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
        a, b = figures.get(self.a), figures.get(self.b)
        if a is None or b is None or (not self.difference and not b):
            return None, None
        ratio = a - b if self.difference else a / b
        if self.limit is None:
            return ratio, None
        return ratio, (ratio <= self.limit if self.at_most
                       else ratio >= self.limit)


def row(name, unit, figures, *targets, note=''):
    """One row for each target; without any, one that is only told."""
    rows = []
    for target in targets or (None,):
        ratio = met = None
        if target:
            ratio, met = target.judge(figures)
        rows.append({'name': name, 'unit': unit, 'ratio': ratio, 'met': met,
                     'target': target.text if target else '', 'note': note,
                     **{way: figures.get(way) for way in WAYS}})
    return rows


def save(rows, path):
    with open(path, 'w') as file:
        json.dump(rows, file)
