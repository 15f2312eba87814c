// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command's start under older releases of glibc. crt1.o calls
 * __libc_start_main(), which would be bound to GLIBC_2.34; here is one of that
 * name that calls the oldest. What is new about the newest is that it calls
 * the program's constructors itself where the caller names nobody to do so;
 * the old one calls whom it is given. musl's loader has called them before.
 */
#include <stddef.h>

#include "base/oldlibc.h"

typedef int main_function(int argc, char **argv, char **envp);
typedef void constructor(int argc, char **argv, char **envp);

extern constructor *__init_array_start[] __attribute__((visibility("hidden")));
extern constructor *__init_array_end[] __attribute__((visibility("hidden")));

extern int old_start(main_function *program, int argc, char **argv,
		     constructor *begin, void (*end)(void),
		     void (*loader_end)(void), void *stack);
__asm__(".symver old_start, __libc_start_main@" OLDLIBC_FIRST);

int __libc_start_main(main_function *program, int argc, char **argv,
		      constructor *begin, void (*end)(void),
		      void (*loader_end)(void), void *stack)
	__attribute__((visibility("hidden")));

static void construct(int argc, char **argv, char **envp)
{
	constructor **each;

	for (each = __init_array_start; each < __init_array_end; each++)
		(*each)(argc, argv, envp);
}

int __libc_start_main(main_function *program, int argc, char **argv,
		      constructor *begin, void (*end)(void),
		      void (*loader_end)(void), void *stack)
{
	return old_start(program, argc, argv, begin ? begin : construct, end,
			 loader_end, stack);
}
