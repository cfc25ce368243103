/* What the harnesses share: samples in flash, the timer and the stack around each call, what is printed.
 *
 * Each harness defines set_up(), train() and predict(), the latter two for `input`, `target` and
 * `output`. Built twice from the same text: by the machine's own compiler (HOST: `program RATE SEED`) and
 * for a bare Cortex-M with start.c.
 *
 * Macros: INPUT; CLASSES; DATA, a file of unsigned bytes: TRAIN rows of pixels, TRAIN labels, TEST rows,
 * TEST labels; PIXEL_SCALE; PASSES; RATE, SEED.
 */
#ifndef HARNESS_H
#define HARNESS_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HOST
static uint32_t timer_ticks(void) { return 0; }
static void stack_mark(void) {}
static uint32_t stack_used(void) { return 0; }
#else
#include "start.h"
#endif

/* The samples lie in flash, with the constants. */
__asm(".section .rodata.samples, \"a\"\n"
      "samples: .incbin \"" DATA "\"\n"
      ".text\n");
extern const uint8_t samples[];

/* What a program that feeds the network holds besides the library's memory; not static, so that the
 * build without the library keeps them too. */
float input[INPUT], output[CLASSES];
uint8_t target;

static void set_up(float rate, uint32_t seed);
static __attribute__((noinline)) void train(void);
static __attribute__((noinline)) void predict(void);

/* Written without printf: it would bring in code that the library may need too, and so hide it in the
 * difference of the two builds. */
static void show(const char *name, uint64_t value)
{
    char line[64], *end = line;
    while (*name)
        *end++ = *name++;
    memcpy(end, " 0x", 3);
    end += 3;
    for (int shift = 60; shift >= 0; shift -= 4)
        *end++ = "0123456789abcdef"[value >> shift & 15];
    *end++ = '\n';
    if (write(1, line, (size_t)(end - line)) < 0)
        _exit(2);
}

static void fetch(const uint8_t *pixels)
{
    for (unsigned i = 0; i < INPUT; i++)
        input[i] = (float)pixels[i] * PIXEL_SCALE;
}

/* Ticks of a call, less those of reading the timer twice. */
static uint64_t timed(void (*call)(void))
{
    uint32_t start = timer_ticks();
    uint32_t nothing = timer_ticks() - start;
    start = timer_ticks();
    call();
    return timer_ticks() - start - nothing;
}

#ifdef HOST
int main(int count, char **given)
{
    float rate = count > 1 ? strtof(given[1], 0) : RATE;
    uint32_t seed = count > 2 ? (uint32_t)strtoul(given[2], 0, 10) : SEED;
#else
int main(void)
{
    float rate = RATE;
    uint32_t seed = SEED;
#endif
    const uint8_t *labels = samples + (size_t)TRAIN * INPUT, *tests = labels + TRAIN;
    uint64_t train_ticks = 0, predict_ticks = 0;
    uint32_t train_stack = 0, predict_stack = 0, wrong = 0;

    set_up(rate, seed);
    for (unsigned pass = 0; pass < PASSES; pass++)
        for (unsigned i = 0; i < TRAIN; i++) {
            fetch(samples + (size_t)i * INPUT);
            target = labels[i];
            /* The stack is looked at in one step only, since to mark it takes long; not in the first one,
             * in which weights of 0 stop some errors before they reach all functions. */
            int look = !pass && i + 1 == TRAIN;
            if (look)
                stack_mark();
            train_ticks += timed(train);
            if (look)
                train_stack = stack_used();
        }
    for (unsigned i = 0; i < TEST; i++) {
        unsigned best = 0;
        fetch(tests + (size_t)i * INPUT);
        if (!i)
            stack_mark();
        predict_ticks += timed(predict);
        if (!i)
            predict_stack = stack_used();
        for (unsigned k = 1; k < CLASSES; k++)
            if (output[k] > output[best])
                best = k;
        wrong += best != tests[(size_t)TEST * INPUT + i];
    }
    show("train_ticks", train_ticks);
    show("predict_ticks", predict_ticks);
    show("train_stack", train_stack);
    show("predict_stack", predict_stack);
    show("buffer_bytes", sizeof input + sizeof output + sizeof target);
    show("wrong", wrong);
    return 0;
}
#endif
