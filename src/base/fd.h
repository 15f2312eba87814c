/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors of our own. They are close-on-exec and live above the
 * numbers that the application expects the kernel to hand out next.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

/* A second number for fd, high and close-on-exec; -errno. */
int fd_dup_high(int fd);

/* Move fd (>= 0) up, closing the low number; on failure fd itself. */
int fd_lift(int fd);

#endif
