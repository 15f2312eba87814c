# SPDX-License-Identifier: BSD-2-Clause
"""The rows as a table, a CSV file and an SVG plot."""
import csv
from xml.sax.saxutils import escape

from measure import WAYS

COLUMNS = ('name', 'unit', *WAYS, 'ratio', 'target', 'met', 'note')
COLOURS = dict(zip(WAYS, ('#888888', '#1f77b4', '#2ca02c', '#d62728')))
WIDTH, LEFT, BAR, GAP = 1000, 330, 11, 9
MET = {True: 'yes', False: 'NO', None: ''}


def number(value):
    if value is None:
        return '-'
    if abs(value) >= 1000:
        return f'{value:.0f}'
    return f'{value:.3g}' if abs(value) < 100 else f'{value:.1f}'


def cells(row):
    return [row['name'], row['unit'], *(number(row[way]) for way in WAYS),
            number(row['ratio']), row['target'] or '-', MET[row['met']],
            row['note']]


def table(rows):
    lines = [list(COLUMNS)] + [cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print('  '.join(cell.rjust(width) if 2 <= i < 7 else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths)))
              .rstrip())


def write_csv(rows, path):
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(['' if row[column] is None else
                             MET[row[column]] if column == 'met' else
                             row[column] for column in COLUMNS])


def bars(row, top):
    """One group: a bar for each way that has a figure, longest is full."""
    there = [way for way in WAYS if row[way] is not None]
    most = max([abs(row[way]) for way in there] + [1e-9])
    yield (f'<text x="{LEFT - 8}" y="{top + BAR}" text-anchor="end">'
           f'{escape(row["name"])}</text>')
    if row['target']:
        met = {True: 'met', False: 'MISSED', None: 'not measured'}[row['met']]
        yield (f'<text x="{LEFT - 8}" y="{top + 2 * BAR + 2}" fill="#666" '
               f'text-anchor="end">{number(row["ratio"])}; target: '
               f'{escape(row["target"])}, {met}</text>')
    for i, way in enumerate(there):
        y = top + i * BAR
        length = abs(row[way]) / most * (WIDTH - LEFT - 150)
        yield (f'<rect x="{LEFT}" y="{y + 1}" width="{length:.1f}" '
               f'height="{BAR - 2}" fill="{COLOURS[way]}"/>'
               f'<text x="{LEFT + length + 5:.1f}" y="{y + BAR - 2}">'
               f'{number(row[way])} {row["unit"]}</text>')


def write_svg(rows, path):
    parts, top = [], 40
    for i, way in enumerate(WAYS):
        parts.append(f'<rect x="{LEFT + 110 * i}" y="12" width="10" '
                     f'height="10" fill="{COLOURS[way]}"/>'
                     f'<text x="{LEFT + 110 * i + 14}" y="21">{way}</text>')
    seen = None
    for row in rows:
        if (row['name'], row['unit']) == seen:
            continue    # the same figures under another target
        seen = row['name'], row['unit']
        parts += bars(row, top)
        count = sum(row[way] is not None for way in WAYS)
        top += max(2, count) * BAR + GAP
    with open(path, 'w') as file:
        file.write('<svg xmlns="http://www.w3.org/2000/svg" '
                   f'width="{WIDTH}" height="{top}" '
                   'font-family="sans-serif" font-size="10">'
                   '<rect width="100%" height="100%" fill="white"/>'
                   + '\n'.join(parts) + '</svg>\n')
