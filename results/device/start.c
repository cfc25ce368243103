/* From reset to main() on a bare Cortex-M under QEMU (board mps2-an386): the floating-point unit on,
 * .data copied, .bss cleared, printf by semihosting; what main() returns is QEMU's exit status.
 *
 *     arm-none-eabi-gcc -O2 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 \
 *         --specs=rdimon.specs -nostartfiles -T cortex_m.ld start.c program.c -o program.elf -lm
 *     qemu-system-arm -M mps2-an386 -cpu cortex-m4 -nographic -icount shift=6 \
 *         -semihosting-config enable=on,target=native -kernel program.elf < /dev/null
 */
#include "start.h"

#include <stdlib.h>
#include <unistd.h>

extern uint32_t _sidata[], _sdata[], _edata[], _sbss[], _ebss[], _stack[];
extern void initialise_monitor_handles(void);
extern int main(void);

/* Timer 0 of the board: 32 bits, counts down at 25 MHz. SysTick has 24 bits only, and an interrupt
 * that counts its overflows would itself add instructions. */
#define TIMER_CONTROL (*(volatile uint32_t *)0x40000000)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008)

uint32_t timer_ticks(void) { return ~TIMER_VALUE; }

#define FREE 0xA5C3F00Du
static uint32_t *mark_low, *mark_high;

__attribute__((noinline)) void stack_mark(void)
{
    /* 64 bytes under this frame's address are left alone: they may be in use by this very call. */
    mark_high = (uint32_t *)(((uintptr_t)__builtin_frame_address(0) - 64) & ~(uintptr_t)3);
    mark_low = (uint32_t *)(((uintptr_t)sbrk(0) + 7) & ~(uintptr_t)7);
    for (volatile uint32_t *word = mark_low; word < mark_high; word++)
        *word = FREE;
}

uint32_t stack_used(void)
{
    uint32_t *word = mark_low;
    while (word < mark_high && *word == FREE)
        word++;
    return (uint32_t)((char *)mark_high - (char *)word) + 64;
}

/* Written without memcpy and memset: the C library may use the unit that is not on yet. */
__attribute__((noreturn, optimize("no-tree-loop-distribute-patterns"))) void reset(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
    __asm volatile("dsb\n isb");
#endif
    const uint32_t *from = _sidata;
    for (uint32_t *to = _sdata; to < _edata;)
        *to++ = *from++;
    for (uint32_t *to = _sbss; to < _ebss;)
        *to++ = 0;
    TIMER_RELOAD = TIMER_VALUE = 0xFFFFFFFFu;
    TIMER_CONTROL = 1;
    initialise_monitor_handles();
    exit(main());
}

/* The C library's exit() calls it; the file that usually defines it is left out by -nostartfiles. */
void _fini(void);
void _fini(void) {}

/* A fault ends the program with a status instead of hanging the emulator. */
static void fault(void) { _exit(70); }

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))_stack, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault,
};
