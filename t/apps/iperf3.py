# SPDX-License-Identifier: BSD-2-Clause
"""Is this report of iperf3 -J of a test that moved so many bytes and lost none?"""
import json
import sys

wanted = int(sys.argv[1])
report = json.load(sys.stdin)
if 'error' in report:
    sys.exit(print(report['error']) or 1)
sent = report['end']['sum_sent']['bytes']
received = report['end']['sum_received']['bytes']
print(f'{sent} sent, {received} received of {wanted}')
reverse = report['start']['test_start']['reverse']
# The receiver stops counting when the test is over, not when all is in.
sys.exit(not (sent >= wanted and (received >= wanted * 0.5 or reverse)))
