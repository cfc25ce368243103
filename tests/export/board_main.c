/* Learns and tests the samples of samples.h, and prints lines of a name and hexadecimal numbers. */
#include "ff_model.h"
#include "samples.h"

#include <string.h>
#include <unistd.h>

static void print(const char *name, uint32_t value)
{
    char line[32];
    size_t at = strlen(name);
    memcpy(line, name, at);
    line[at++] = ' ';
    for (int shift = 28; shift >= 0; shift -= 4) line[at++] = "0123456789abcdef"[value >> shift & 15u];
    line[at++] = '\n';
    (void)write(1, line, at); /* not printf, whose buffers would take a small chip's memory */
}

static void test(const char *name)
{
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < TEST_COUNT; i++) wrong += ff_predict(test_x[i]) != test_y[i];
    print(name, wrong);
}

#if FF_LEARN
static uint32_t learn(uint32_t i)
{
#if FF_ONE_LAYER
    return ff_learn_layer(0, learn_x[i], learn_y[i]) != FF_OK;
#else
    return ff_learn(learn_x[i], learn_y[i]) != FF_OK;
#endif
}
#endif

#if FF_LEARN && PRINT_WEIGHTS
static void print_words(const char *name, const void *values, uint32_t bytes)
{
    for (uint32_t at = 0; at < bytes; at += 4) {
        uint32_t word;
        memcpy(&word, (const char *)values + at, 4);
        print(name, word);
    }
}
#endif

int main(void)
{
    ff_init();
    if (TEST_FIRST) test("before");
#if FF_LEARN
    uint32_t refused = 0;
    ff_set_rate(RATE);
    for (uint32_t step = 0; step < STEPS; step++) refused += learn(step % LEARN_COUNT);
    print("refused", refused);
#if PRINT_WEIGHTS
    for (int layer = 0; layer < (int)FF_LAYERS; layer++) {
        const void *weights, *biases;
        uint32_t weight_bytes, bias_bytes;
        ff_layer_weights(layer, &weights, &weight_bytes, &biases, &bias_bytes);
        print_words("weights", weights, weight_bytes);
        print_words("biases", biases, bias_bytes);
    }
#endif
#endif
    test("wrong");
    return 0;
}
