/* What start.c offers a program on the bare board: two ways to measure a call. */
#ifndef START_H
#define START_H
#include <stdint.h>

/* QEMU's option `-icount shift=6` makes each executed instruction last 64 ns. */
#define ICOUNT_SHIFT 6

/* Ticks of the board's 25 MHz timer. It wraps after 2^32 ticks (2.7e9 instructions at shift 6); the
 * difference of two readings is right up to there. */
uint32_t timer_ticks(void);

/* Ticks as instructions: a tick is 40 ns, so there are 1.6 per instruction at shift 6. */
#define INSTRUCTIONS(ticks) ((double)(ticks) * 40.0 / (1 << ICOUNT_SHIFT))

/* Fill the free memory below the caller's frame; then, after a call, the bytes of it that were
 * overwritten are the stack that the call took. */
void stack_mark(void);
uint32_t stack_used(void);
#endif
