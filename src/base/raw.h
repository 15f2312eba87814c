/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interposed calls as raw system calls, one raw_NAME per row of
 * calls.def: what `real` holds until real_init() has run, and keeps where
 * this libc lacks a symbol. They set errno like libc's. For real.c alone.
 */
#ifndef BASE_RAW_H
#define BASE_RAW_H

#include "base/real.h"

#define CALL(type, name, params, args, test) type raw_##name params;
#include "base/calls.def"
#undef CALL

#endif
