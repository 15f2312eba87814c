#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""For t/cli/trace: is what shunt trace --json has printed the life of
connections?

	trace.py FILE COUNT EVENT...

Every line is as docs/trace.schema.json has it; each connection's steps follow
from each other, by edges that state.def has; COUNT connections have had all
of the EVENTs, in this order. Prints what is wrong, or "whole".
"""
import json
import os
import re
import sys

TOP = os.environ['top_srcdir']


def edges():
    with open(f'{TOP}/src/conn/state.def', encoding='utf-8') as file:
        return set(re.findall(r'^EDGE\((\w+),\s*(\w+),\s*(\w+)\)', file.read(), re.M))


def happenings():
    with open(f'{TOP}/src/conn/trace.def', encoding='utf-8') as file:
        return set(re.findall(r'^HAPPENING\((\w+),', file.read(), re.M))


def check_form(lines):
    try:
        import jsonschema
    except ImportError:
        return
    with open(f'{TOP}/docs/trace.schema.json', encoding='utf-8') as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for line in lines:
        validator.validate(line)
    good = next(line for line in lines if 'conn' in line)
    for bad in ({**good, 'lost': 3}, {**good, 'tx': 'x'}, {**good, 'more': 1},
                {key: good[key] for key in good if key != 'reason'}):
        if validator.is_valid(bad):
            sys.exit(f'the schema takes {bad}')


def check_chain(steps):
    known, others, state = edges(), happenings(), {}
    for step in steps:
        conn, way = step['conn'], (step['from'], step['event'], step['to'])
        if way not in known and step['event'] not in others:
            sys.exit(f'conn {conn}: {way} is no edge')
        if conn not in state and step['event'] != 'made':
            sys.exit(f'conn {conn} begins with {way}')
        if conn in state and state[conn] != step['from']:
            sys.exit(f'conn {conn}: {way} after {state[conn]}')
        state[conn] = step['to']


def had(steps, conn, events):
    """Were these among its events, in this order?"""
    left = iter(step['event'] for step in steps if step['conn'] == conn)
    return all(event in left for event in events)


def main():
    path, count, events = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    with open(path, encoding='utf-8') as file:
        lines = [json.loads(line) for line in file]
    check_form(lines)
    steps = [line for line in lines if 'conn' in line]
    check_chain(steps)
    whole = sum(had(steps, conn, events) for conn in {s['conn'] for s in steps})
    if whole != count:
        sys.exit(f'{whole} have had {events}, not {count}: {steps}')
    print('whole')


main()
