/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: one line per call, formatted in a stack buffer and written with
 * one raw write to standard error, or to the file descriptor SHUNT_LOG_FD
 * names. Preserves errno; allocates nothing; takes no lock. Never call it
 * with a lock held.
 */
#ifndef DIAG_LOG_H
#define DIAG_LOG_H

#include <stdbool.h>

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/*
 * Remember which file the log goes to, before the application can have closed
 * it: when its number stands for another one later, nothing is written there.
 * Nor is it to a standard error that is a network connection. Without this
 * call the first line remembers.
 */
void log_begin(void);

/* Nothing above this level is written. The start value is LOG_WARN. */
void log_set_level(enum log_level level);

/* Would a line of this level be written? */
bool log_wants(enum log_level level);

/* "off", "error", "warn", "info", "debug" -> level; -EINVAL for others. */
int log_parse_level(const char *text);

/*
 * Write "shunt[PID]: LEVEL: text\n"; longer than 1023 bytes is cut.
 * Preserves errno. Safe after fork and in signal context.
 */
void log_put(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_put(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_put(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_put(LOG_INFO, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_wants(LOG_DEBUG)) \
			log_put(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
