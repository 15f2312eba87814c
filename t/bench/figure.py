# SPDX-License-Identifier: BSD-2-Clause
"""A figure is the median of its runs, and remembers them.

It is a float, so a part may calculate with it; what comes of that is a plain
float, without runs. Runs of the same turn stand at the same place of each
list: a ratio is taken turn by turn, so that what slows down both sides of a
turn leaves it as it is."""
import statistics


class Figure(float):
    """`runs`: all that were taken, in the order of the turns; one at least."""

    def __new__(cls, runs):
        made = super().__new__(cls, statistics.median(runs))
        made.runs = list(runs)
        return made


def runs(value):
    """Of a figure; of anything else none."""
    return getattr(value, 'runs', [])


def quartiles(values):
    """The first and the third; None without two values."""
    if len(values) < 2:
        return None
    low, _, high = statistics.quantiles(values, n=4, method='inclusive')
    return low, high


def spread(value):
    """The distance of the quartiles, as a part of the median; 0 without
    runs."""
    ends = quartiles(runs(value))
    return (ends[1] - ends[0]) / abs(value) if ends and value else 0.0


def compare(a, b, difference=False):
    """a / b, or a - b: a figure if both have been run in the same turns, a
    float if not, None if that says nothing."""
    if a is None or b is None or (not difference and not b):
        return None
    turns = list(zip(runs(a), runs(b)))
    if not turns or len(runs(a)) != len(runs(b)) or (
            not difference and not all(each for _, each in turns)):
        return a - b if difference else a / b
    return Figure([x - y if difference else x / y for x, y in turns])
