/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limits of what others can make grow, by name: BOUND_<name> of each row of
 * bounds.def, in the unit of the row. Constants; no locks.
 */
#ifndef BASE_BOUNDS_H
#define BASE_BOUNDS_H

enum bound {
#define BOUND(name, limit, what, over, why) BOUND_##name = (limit),
#include "base/bounds.def"
#undef BOUND
};

#endif
