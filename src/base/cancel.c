// SPDX-License-Identifier: BSD-2-Clause
#include "base/cancel.h"

#include <pthread.h>

#include "base/critical.h"

static __thread unsigned held;
static __thread int state;	/* the application's */

void cancel_hold(void)
{
	critical_enter();
	if (held++ == 0)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
}

void cancel_release(void)
{
	if (--held == 0)
		pthread_setcancelstate(state, NULL);
	critical_leave();
}

void cancel_begin_sleep(void)
{
	if (held == 1)
		pthread_setcancelstate(state, NULL);
}

void cancel_end_sleep(void)
{
	if (held == 1)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

unsigned cancel_depth(void)
{
	return held;
}

void cancel_set_depth(unsigned depth)
{
	if (held > 0 && depth == 0)
		pthread_setcancelstate(state, NULL);
	held = depth;
}
