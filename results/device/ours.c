/* One network exported by `forward_forward.export.device.c`, one sample at a time -> what device.py reads.
 *
 * A build with WITHOUT_MODEL is the same program less every call of the network: the difference of the
 * two is what the network takes of flash and RAM. With FF_ONE_LAYER the last layer learns: below it
 * every layer's activities are computed, so this is the longest step.
 */
#include "harness.h"

#ifndef WITHOUT_MODEL
#include "ff_model.h"
#endif

static void set_up(float rate, uint32_t seed)
{
    (void)seed; /* the first weights are part of the export */
#ifdef WITHOUT_MODEL
    output[0] = rate;
#else
    if (ff_init() != FF_OK)
        exit(3);
    ff_set_rate(rate);
#endif
}

static __attribute__((noinline)) void train(void)
{
#ifndef WITHOUT_MODEL
#if FF_ONE_LAYER
    if (ff_learn_layer(FF_LAYERS - 1, input, target) != FF_OK)
#else
    if (ff_learn(input, target) != FF_OK)
#endif
        exit(4);
#endif
}

static __attribute__((noinline)) void predict(void)
{
#ifndef WITHOUT_MODEL
    if (ff_scores(input, output) != FF_OK)
        exit(5);
#endif
}
