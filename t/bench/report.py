# SPDX-License-Identifier: BSD-2-Clause
"""The rows as a table and a CSV file, which `plot` draws."""
import csv

from figure import quartiles
from measure import WAYS

OF_WAY = '{}', '{}_q1', '{}_q3', '{}_runs'
CSV_COLUMNS = ('name', 'unit',
               *(column.format(way) for way in WAYS for column in OF_WAY),
               'other_runs', 'ratio', 'ratio_q1', 'ratio_q3', 'target', 'met',
               'refused', 'note')
MET = {True: 'yes', False: 'NO', None: ''}


def number(value):
    if value is None:
        return '-'
    if abs(value) >= 1000:
        return f'{value:.0f}'
    return f'{value:.3g}' if abs(value) < 100 else f'{value:.1f}'


def with_quartiles(value, ends):
    if not ends:
        return number(value)
    return f'{number(value)} [{number(ends[0])} {number(ends[1])}]'


def ratio(row):
    if row['refused']:
        return 'refused'
    return with_quartiles(row['ratio'], row['ratio_quartiles'])


def cells(row, ways=WAYS):
    note = f'busy: {row["refused"]}' if row['refused'] else row['note']
    return [row['name'], row['unit'],
            *(with_quartiles(row[way], quartiles(row['runs'].get(way, [])))
              for way in ways),
            ratio(row), row['target'] or '-', MET[row['met']], note]


def table(rows):
    """Medians, with the quartiles in brackets, of the ways that have any."""
    ways = [way for way in WAYS if any(row[way] is not None for row in rows)]
    lines = [['name', 'unit', *ways, 'ratio', 'target', 'met', 'note']] + [
        cells(row, ways) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print('  '.join(cell.rjust(width) if 2 <= i < 3 + len(ways)
                        else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths)))
              .rstrip())
    refused = sum(bool(row['refused']) for row in rows)
    if refused:
        print(f'{refused} ratios are not told: take them again when nothing '
              'else runs')


def listed(values):
    return ' '.join(f'{value:g}' for value in values)


def flat(row):
    """A line of the CSV file, by column."""
    line = {column: row.get(column) for column in CSV_COLUMNS}
    line['met'] = MET[row['met']]
    for name, ends in [('ratio', row['ratio_quartiles'])] + [
            (way, quartiles(row['runs'].get(way, []))) for way in WAYS]:
        line[f'{name}_q1'], line[f'{name}_q3'] = ends or (None, None)
    if row['refused']:
        line['ratio_q1'] = line['ratio_q3'] = None
    for way in WAYS:
        line[f'{way}_runs'] = listed(row['runs'].get(way, []))
    line['other_runs'] = '; '.join(
        f'{name}: {listed(values)}' for name, values in row['runs'].items()
        if name not in WAYS)
    return line


def write_csv(rows, path):
    with open(path, 'w', newline='') as file:
        writer = csv.DictWriter(file, CSV_COLUMNS)
        writer.writeheader()
        writer.writerows(map(flat, rows))
