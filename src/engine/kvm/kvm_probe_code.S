/* SPDX-License-Identifier: MIT */
/*
 * kvm_probe_code.S - the pieces of guest code that the probe runs
 *
 * Copied as they stand to PROBE_CODE. Each does one thing, leaves PROBE_RESULT in the cell and in al, and
 * writes al to PROBE_DONE_PORT. The result comes out of what is tested, so that an instruction that is
 * skipped or does nothing is found out.
 */
#include "engine/kvm/kvm_probe_code.h"

.macro CODE name
	.globl	kvm_probe_\name
	.hidden	kvm_probe_\name
kvm_probe_\name:
.endm

/* eax is the result: into the cell, and done. */
.macro DONE
	mov	%eax, PROBE_CELL
	out	%al, $PROBE_DONE_PORT
	hlt
.endm

	.section .rodata
	.balign	16
	.globl	kvm_probe_code
	.hidden	kvm_probe_code
kvm_probe_code:

/* ---- interrupt handlers: tell the vector ---- */

	.code64
CODE stubs
	.set	vector, 0
	.rept	PROBE_GATES
	.balign	PROBE_STUB_LEN
	mov	$vector, %al
	out	%al, $PROBE_TRAP_PORT
	hlt
	.set	vector, vector + 1
	.endr
	.balign	PROBE_STUB_LEN

CODE int_ring0
	mov	%cr0, %rcx		/* #GP outside ring 0 */
	mov	$PROBE_INT_RING0, %al
	out	%al, $PROBE_TRAP_PORT
	hlt

/* ---- CPU modes ---- */

	.code16
CODE real
	mov	$40, %ax
	push	%ax
	pop	%bx
	add	$2, %bx
	mov	%bx, PROBE_CELL
	mov	PROBE_CELL, %ax
	out	%al, $PROBE_DONE_PORT
	hlt

	.code32
CODE flat32
	mov	$0x2a0000, %eax
	push	%eax
	pop	%ebx
	shr	$16, %ebx
	mov	%ebx, PROBE_CELL
	mov	PROBE_CELL, %eax
	out	%al, $PROBE_DONE_PORT
	hlt

/* Written through the alias, read where it lies: without paging there is no memory at the alias. */
.macro PAGED alias
	mov	$0x2a0000, %eax
	push	%eax
	pop	%ebx
	shr	$16, %ebx
	mov	%ebx, \alias + PROBE_CELL
	mov	PROBE_CELL, %eax
	out	%al, $PROBE_DONE_PORT
	hlt
.endm

CODE paged32
	PAGED	PROBE_ALIAS_4M
CODE pae
	PAGED	PROBE_ALIAS_2M

	.code64
CODE long64
	movabs	$0x2a0000000000, %rax
	push	%rax
	pop	%r8
	shr	$40, %r8
	mov	%r8d, PROBE_ALIAS_2M + PROBE_CELL
	mov	PROBE_CELL, %eax
	out	%al, $PROBE_DONE_PORT
	hlt

CODE ring3
	mov	%cs, %eax
	and	$3, %eax
	add	$PROBE_RESULT - 3, %eax
	push	%rax
	pop	%r8
	mov	%r8d, PROBE_ALIAS_2M + PROBE_CELL
	mov	PROBE_CELL, %eax
	out	%al, $PROBE_DONE_PORT
	hlt

/* ---- speed: rcx is how often ---- */

CODE count
	dec	%rcx
	jnz	kvm_probe_count
CODE count_end
	out	%al, $PROBE_DONE_PORT
	hlt

CODE outs
	out	%al, $PROBE_DONE_PORT
	jmp	kvm_probe_outs

CODE spin
	jmp	kvm_probe_spin

/* ---- rings ---- */

CODE syscall
	syscall
	hlt

CODE lstar_reach
	mov	$PROBE_RESULT, %eax
	DONE

CODE lstar_ring0
	mov	%cr0, %rcx		/* #GP outside ring 0 */
	mov	$PROBE_RESULT, %eax
	DONE

CODE lstar_sysret
	lea	user_done(%rip), %rcx
	mov	$0x3002, %r11d
	sysretq

CODE iretq_ring3
	lea	user_done(%rip), %rcx
	pushq	$PROBE_USER_DS
	pushq	$PROBE_STACK
	pushq	$0x3002
	pushq	$PROBE_USER_CS
	push	%rcx
	iretq

user_done:
	mov	%cs, %eax
	and	$3, %eax
	add	$PROBE_RESULT - 3, %eax
	DONE

CODE user_ud2
	ud2
	hlt

CODE user_int
	int	$PROBE_INT_RING0
	hlt

/* ---- debugging ---- */

CODE step
	nop
CODE step_next
	mov	$PROBE_RESULT, %eax
CODE step_write
	mov	%eax, PROBE_CELL
CODE step_wrote
	nop
	out	%al, $PROBE_DONE_PORT
	hlt

CODE break_sw
	nop
CODE break_sw_at
	int3
	out	%al, $PROBE_DONE_PORT
	hlt

/* ---- instructions ---- */

CODE int3
	int3
	hlt

CODE int_n
	int	$PROBE_INT
	hlt

CODE ud2
	ud2
	hlt

CODE iretq
	lea	1f(%rip), %rcx
	mov	%rsp, %rdx
	pushq	$PROBE_DS
	push	%rdx
	pushq	$2
	pushq	$PROBE_CS
	push	%rcx
	iretq
	hlt
1:	mov	$PROBE_RESULT, %eax
	DONE

CODE lretq
	lea	1f(%rip), %rcx
	pushq	$PROBE_CS
	push	%rcx
	lretq
	hlt
1:	mov	$PROBE_RESULT, %eax
	DONE

CODE lgdt
	movw	$0x3f, PROBE_SCRATCH
	movq	$PROBE_GDT, PROBE_SCRATCH + 2
	lgdt	PROBE_SCRATCH
	mov	$PROBE_DS, %eax
	mov	%eax, %es
	mov	%es, %eax
	add	$PROBE_RESULT - PROBE_DS, %eax
	DONE

CODE ltr
	movb	$0x89, PROBE_GDT + PROBE_TR + 5 /* an available TSS again */
	mov	$PROBE_TR, %eax
	ltr	%ax
	str	%eax
	add	$PROBE_RESULT - PROBE_TR, %eax
	DONE

CODE mov_cr3
	mov	$PROBE_LONG4K_TOP, %eax
	mov	%rax, %cr3
	mov	%cr3, %rcx
	sub	%rax, %rcx
	lea	PROBE_RESULT(%rcx), %eax
	DONE

CODE invlpg
	invlpg	PROBE_CELL
	mov	$PROBE_RESULT, %eax
	DONE

CODE invpcid
	mov	$2, %eax		/* everything, global pages too */
	movq	$0, PROBE_SCRATCH
	movq	$0, PROBE_SCRATCH + 8
	invpcid	PROBE_SCRATCH, %rax
	mov	$PROBE_RESULT, %eax
	DONE

CODE swapgs				/* MSR_KERNEL_GS_BASE is the cell's address */
	swapgs
	movl	$PROBE_RESULT, %gs:0
	mov	PROBE_CELL, %eax
	DONE

CODE wrgsbase
	mov	$PROBE_CELL, %eax
	wrgsbase %rax
	movl	$PROBE_RESULT, %gs:0
	mov	PROBE_CELL, %eax
	DONE

CODE cpuid
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%ebx, %ebx
	cpuid
	test	%ebx, %ebx		/* the vendor's first four letters */
	mov	$0, %eax
	jz	1f
	mov	$PROBE_RESULT, %eax
1:	DONE

CODE cpuid_model
	mov	$1, %eax
	cpuid
	and	$PROBE_WITHHELD, %ecx
	mov	$0, %eax
	jnz	1f
	mov	$PROBE_RESULT, %eax
1:	DONE

CODE rdtsc
	rdtsc
	mov	%eax, %ecx
	shl	$32, %rdx
	or	%rdx, %rcx
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	cmp	%rcx, %rax
	mov	$0, %eax
	jb	1f
	mov	$PROBE_RESULT, %eax
1:	DONE

CODE rdtscp				/* MSR_TSC_AUX is 0 unless somebody set it */
	mov	$7, %ecx
	rdtscp
	lea	PROBE_RESULT(%rcx), %eax
	DONE

CODE rdmsr
	mov	$0xc0000080, %ecx	/* EFER: its LMA bit is set here */
	rdmsr
	shr	$10, %eax
	and	$1, %eax
	add	$PROBE_RESULT - 1, %eax
	DONE

CODE wrmsr
	mov	$0xc0000101, %ecx	/* GS base */
	mov	$PROBE_CELL, %eax
	xor	%edx, %edx
	wrmsr
	movl	$PROBE_RESULT, %gs:0
	mov	PROBE_CELL, %eax
	DONE

CODE stac
	stac
	pushfq
	pop	%rax
	shr	$18, %eax		/* AC */
	and	$1, %eax
	add	$PROBE_RESULT - 1, %eax
	DONE

CODE xgetbv
	xor	%ecx, %ecx
	xgetbv
	and	$1, %eax		/* x87 state is always on */
	add	$PROBE_RESULT - 1, %eax
	DONE

CODE xsetbv
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$1, %eax
	xsetbv
	mov	$PROBE_RESULT, %eax
	DONE

.macro XMM0_IS_RESULT
	movl	$PROBE_RESULT, PROBE_SCRATCH
	movaps	PROBE_SCRATCH, %xmm0
.endm

CODE fxsave
	XMM0_IS_RESULT
	fxsave64 PROBE_XAREA
	mov	PROBE_XAREA + 160, %eax	/* xmm0 in the FXSAVE form */
	DONE

CODE xsave
	XMM0_IS_RESULT
	mov	$3, %eax
	xor	%edx, %edx
	xsave64	PROBE_XAREA
	mov	PROBE_XAREA + 160, %eax
	DONE

CODE xrstor				/* the host has put an area with xmm0 = RESULT there */
	mov	$2, %eax
	xor	%edx, %edx
	xrstor64 PROBE_XAREA
	movaps	%xmm0, PROBE_SCRATCH
	mov	PROBE_SCRATCH, %eax
	DONE

CODE movaps
	movl	$PROBE_RESULT, PROBE_SCRATCH
	movaps	PROBE_SCRATCH, %xmm1
	movaps	%xmm1, PROBE_SCRATCH + 16
	mov	PROBE_SCRATCH + 16, %eax
	DONE

CODE vmovups
	movl	$PROBE_RESULT, PROBE_SCRATCH + 28
	vmovups	PROBE_SCRATCH, %ymm1
	vmovups	%ymm1, PROBE_SCRATCH + 32
	mov	PROBE_SCRATCH + 60, %eax
	DONE

CODE popcnt
	movabs	$0x3ffffffffff, %rcx	/* 42 ones */
	popcnt	%rcx, %rax
	DONE

CODE xadd
	movl	$40, PROBE_SCRATCH
	mov	$2, %ecx
	lock xadd %ecx, PROBE_SCRATCH
	mov	PROBE_SCRATCH, %eax
	DONE

CODE cmpxchg16b
	movq	$5, PROBE_SCRATCH
	movq	$6, PROBE_SCRATCH + 8
	mov	$5, %eax
	mov	$6, %edx
	mov	$7, %ebx
	mov	$PROBE_RESULT, %ecx
	lock cmpxchg16b PROBE_SCRATCH
	mov	PROBE_SCRATCH + 8, %eax
	DONE

CODE rep_movsb
	movl	$PROBE_RESULT, PROBE_SCRATCH
	mov	$PROBE_SCRATCH, %esi
	mov	$PROBE_SCRATCH + 16, %edi
	mov	$16, %ecx
	rep movsb
	mov	PROBE_SCRATCH + 16, %eax
	DONE

CODE clflush
	clflush	PROBE_CELL
	mov	$PROBE_RESULT, %eax
	DONE

CODE clwb
	clwb	PROBE_CELL
	mov	$PROBE_RESULT, %eax
	DONE

CODE rdrand
	mov	$1000, %ecx
1:	rdrand	%rax
	jc	2f
	dec	%ecx
	jnz	1b
	xor	%eax, %eax
	DONE
2:	mov	$PROBE_RESULT, %eax
	DONE

/* ---- how it ends: nothing is mapped there, and the table of handlers is empty ---- */

CODE triple
	movabs	$PROBE_FAULT, %rax
	movabs	$0x7f0000000000, %rcx
CODE triple_at
	mov	%rax, (%rcx)
	hlt

	.globl	kvm_probe_code_end
	.hidden	kvm_probe_code_end
kvm_probe_code_end:

	.section .note.GNU-stack, "", @progbits
