/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does TCP go on beside a lane? A lane's bytes pass by what filters TCP's, and
 * are to go no further. For the service thread, with no locks.
 */
#ifndef CONN_PROOF_H
#define CONN_PROOF_H

#include <stdbool.h>
#include <stdint.h>

struct conn;

/* The peer's kernel: its last ACK is less than `ms` old, or none is due. */
bool proof_leg_answers(const struct conn *conn, uint64_t ms);
/*
 * On a lane: ask (PROBE), or look for the answer; without one the lane is left
 * (tcp_stalled). True: look again soon.
 */
bool proof_look(struct conn *conn, uint64_t now_ms);

#endif
