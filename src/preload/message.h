/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A caller's struct msghdr. Where glibc's has size_t, musl's has an int or a
 * socklen_t and padding that nobody has cleared (its sendmsg() does so in a
 * copy); the same of struct cmsghdr. So these are read through here alone, and
 * the CMSG_ macros, which are glibc's, are not used on what a caller gave.
 * preload/ only.
 */
#ifndef PRELOAD_MESSAGE_H
#define PRELOAD_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/libc.h"

static inline size_t message_word(size_t field)
{
	return libc_is_musl() ? (uint32_t)field : field;
}

/* How many vectors. */
static inline size_t message_count(const struct msghdr *msg)
{
	return message_word(msg->msg_iovlen);
}

/* How many bytes of ancillary data. */
static inline size_t message_room(const struct msghdr *msg)
{
	return message_word(msg->msg_controllen);
}

/* The bytes of one header with its data. */
static inline size_t message_length(const struct cmsghdr *at)
{
	return message_word(at->cmsg_len);
}

/* As CMSG_FIRSTHDR() and CMSG_NXTHDR() (cmsg(3)). */
static inline const struct cmsghdr *message_first(const struct msghdr *msg)
{
	return message_room(msg) >= sizeof(struct cmsghdr) ? msg->msg_control
							   : NULL;
}

static inline const struct cmsghdr *message_next(const struct msghdr *msg,
						 const struct cmsghdr *at)
{
	const char *end = (const char *)msg->msg_control + message_room(msg);
	size_t left = (size_t)(end - (const char *)at);
	size_t size = message_length(at);

	if (size < sizeof(*at) || size > left ||
	    left - size < CMSG_ALIGN(size) - size + sizeof(*at))
		return NULL;
	at = (const void *)((const char *)at + CMSG_ALIGN(size));
	return message_length(at) <= left - CMSG_ALIGN(size) ? at : NULL;
}

/*
 * send.c: fds about to be passed over a Unix socket go back to TCP: who
 * receives one, preloaded or not, just gets a TCP socket. 0 or -EOPNOTSUPP.
 */
int message_send_rights(const struct msghdr *msg);

#endif
