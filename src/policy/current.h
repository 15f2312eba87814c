/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For unit tests: the process-wide policy without waiting for the clock.
 * Nothing else includes this.
 */
#ifndef POLICY_CURRENT_H
#define POLICY_CURRENT_H

/* The next policy_hold_current() looks at the files again. */
void current_look_again(void);

/* As if the process had just started. No policy may be held. */
void current_forget(void);

#endif
