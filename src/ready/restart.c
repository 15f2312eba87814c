// SPDX-License-Identifier: BSD-2-Clause
#include "ready/restart.h"

#include <signal.h>

#include "base/real.h"

bool restart_wanted(void)
{
	struct sigaction action;
	int number;

	for (number = 1; number < NSIG; number++) {
		if (real.sigaction(number, NULL, &action) != 0)
			continue;
		if (action.sa_handler == SIG_DFL ||
		    action.sa_handler == SIG_IGN)
			continue;
		if (!(action.sa_flags & SA_RESTART))
			return false;
	}
	return true;
}
