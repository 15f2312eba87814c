# SPDX-License-Identifier: BSD-2-Clause
"""lane.busy_poll: what it costs who waits, and what it brings: (l)."""
from measure import Target, row
from service import Wake, on_lanes, used_by
import host

BUDGETS = '0us', '10us', '50us', '100us'	# of a spin
COUNTS = 1, 2, 16	# connections; one of them is busy
PAUSE = 2000		# microseconds before each exchange, of the long waits


class Waits(Wake):
    """A round trip, and what its server has used for it: the thread alone that
    serves, not t/fake's."""

    def __init__(self, build, budget, connections, exchanges, *pause):
        env = on_lanes(build, LANE_BUSY_POLL=budget)
        self.exchanges = exchanges
        super().__init__(build, host.Loopback(), env, env, connections,
                         exchanges, 1, *pause)

    def ask(self):
        task = f'/proc/{self.server.pid}/task/{self.server.pid}'
        before = used_by(task)
        trip, = super().ask()
        return trip, (used_by(task) - before) / self.exchanges


def measure(build, quick, connections, pause):
    """budget -> (round trip, processor time), microseconds."""
    exchanges = 50 if quick else 400 if pause else 4000
    return host.in_talks(3 if quick else 11, {
        budget: lambda budget=budget: Waits(build, budget, connections,
                                            exchanges, *pause)
        for budget in BUDGETS})


def part_l(build, quick):
    """Who waits for long, a hundred times as long as it takes to wake up, pays
    nothing. What a spin brings is no matter here: t/fake's thread, which has
    to bring the news, has the processor that is spun on."""
    rows = []
    for connections in COUNTS:
        for pause in (), (PAUSE,):
            figures = measure(build, quick, connections, pause)
            for budget in BUDGETS[1:]:
                name = (f'(l) {connections} connections, spin {budget}'
                        f'{", long waits" if pause else ""}')
                for i, what in enumerate(('round trip', 'processor time')):
                    limit = 1.05 if pause and i else None
                    rows += row(f'{name}: {what}', 'us',
                                {'shunt': figures[budget][i],
                                 'none': figures['0us'][i]},
                                Target(f'{limit} of no spin' if limit else '',
                                       'shunt', 'none', limit))
    return rows


PARTS = {'l': part_l}
