/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dlopen(3), dlmopen(3) and dlsym(3). libc looks at who called them: whose
 * RUNPATH counts, what comes after whom (RTLD_NEXT). So they are jumped to, with
 * the caller's return address, after a word with loader.c. A sanitizer calls
 * dlsym() before it can look at what loader.c does: built for it there are none.
 */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)

#elif defined(__x86_64__)

#define ENTRY(name) \
	.globl name; \
	.type name, @function; \
name:	.cfi_startproc; \
	endbr64

#define END(name) \
	.cfi_endproc; \
	.size name, . - name

	.text
ENTRY(dlopen)
	push	%rdi
	.cfi_adjust_cfa_offset 8
	sub	$16, %rsp
	.cfi_adjust_cfa_offset 16
	mov	%esi, %edi
	call	loader_flags
	mov	%eax, %esi
	add	$16, %rsp
	.cfi_adjust_cfa_offset -16
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	jmp	*loader_dlopen(%rip)
END(dlopen)

ENTRY(dlmopen)
	push	%rdi
	.cfi_adjust_cfa_offset 8
	push	%rsi
	.cfi_adjust_cfa_offset 8
	push	%rdx
	.cfi_adjust_cfa_offset 8
	call	loader_namespace
	pop	%rdx
	.cfi_adjust_cfa_offset -8
	pop	%rsi
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	jmp	*loader_dlmopen(%rip)
END(dlmopen)

ENTRY(dlsym)
	push	%rdi
	.cfi_adjust_cfa_offset 8
	push	%rsi
	.cfi_adjust_cfa_offset 8
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	loader_symbol
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	pop	%rsi
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	test	%rax, %rax
	jne	1f
	jmp	*loader_dlsym(%rip)
1:	ret
END(dlsym)

#elif defined(__aarch64__)

#define ENTRY(name) \
	.globl name; \
	.type name, %function; \
name:	.cfi_startproc; \
	stp	x29, x30, [sp, -48]!; \
	.cfi_adjust_cfa_offset 48; \
	stp	x0, x1, [sp, 16]; \
	str	x2, [sp, 32]

#define LEAVE \
	ldp	x0, x1, [sp, 16]; \
	ldr	x2, [sp, 32]; \
	ldp	x29, x30, [sp], 48; \
	.cfi_adjust_cfa_offset -48

#define JUMP(to) \
	adrp	x16, to; \
	ldr	x16, [x16, :lo12:to]; \
	br	x16

#define END(name) \
	.cfi_endproc; \
	.size name, . - name

	.text
ENTRY(dlopen)
	mov	w0, w1
	bl	loader_flags
	str	x0, [sp, 24]
	LEAVE
	JUMP(loader_dlopen)
END(dlopen)

ENTRY(dlmopen)
	bl	loader_namespace
	LEAVE
	JUMP(loader_dlmopen)
END(dlmopen)

ENTRY(dlsym)
	bl	loader_symbol
	mov	x17, x0
	LEAVE
	cbnz	x17, 1f
	JUMP(loader_dlsym)
1:	mov	x0, x17
	ret
END(dlsym)

#else
#error "port me: jumps to libc's dlopen(), dlmopen(), dlsym()"
#endif

	.section .note.GNU-stack, "", %progbits
