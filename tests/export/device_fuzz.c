/* Calls every function with what no caller should pass, and with storage that fails, for the
   sanitizers to watch. Prints what was wrong; exits with 1 if anything was. */
#include "ff_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef RUNS
#define RUNS 3000
#endif

static int failures;
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) printf("line %d: %s\n", __LINE__, #condition), failures++;               \
    } while (0)

static uint32_t state = 1;
static uint32_t draw(uint32_t below) { return (state = state * 1664525u + 1013904223u) / 7u % below; }

/* On the heap, so that the sanitizer sees a read past its end. */
static ff_input *sample(int odd)
{
    ff_input *x = malloc(FF_INPUTS * sizeof *x);
    for (uint32_t i = 0; i < FF_INPUTS; i++) x[i] = (ff_input)(draw(1000) * 0.001f);
#if FF_FLOAT_INPUT
    const float values[] = {NAN, INFINITY, -INFINITY, 1e38f, -1e30f, 1e17f, -1e17f, 1e-42f, 0};
    if (odd)
        for (uint32_t n = draw(4) + 1; n > 0; n--) x[draw(FF_INPUTS)] = values[draw(9)];
#else
    if (odd) memset(x, draw(2) ? 255 : 0, FF_INPUTS);
#endif
    return x;
}

static int known_code(int code) { return code <= FF_OK && code >= FF_NO_MEMORY; }

#if FF_LEARN && !FF_ONE_LAYER
typedef struct {
    unsigned char *bytes;
    uint32_t size;
    int left; /* calls until one fails; a write that fails does half of its work */
} memory;

static int read_bytes(void *context, uint32_t offset, void *data, uint32_t size)
{
    memory *m = context;
    EXPECT(offset <= m->size && size <= m->size - offset);
    if (m->left-- == 0) return -1;
    memcpy(data, m->bytes + offset, size);
    return 0;
}

static int write_bytes(void *context, uint32_t offset, const void *data, uint32_t size)
{
    memory *m = context;
    EXPECT(offset <= m->size && size <= m->size - offset);
    if (m->left-- == 0) {
        memcpy(m->bytes + offset, data, size / 2);
        return -1;
    }
    memcpy(m->bytes + offset, data, size);
    return 0;
}

/* A number that tells the weights of one moment from those of another. */
static uint32_t weights_sum(void)
{
    uint32_t sum = 0;
    for (int layer = 0; layer < (int)FF_LAYERS; layer++) {
        const void *part[2];
        uint32_t size[2];
        EXPECT(ff_layer_weights(layer, &part[0], &size[0], &part[1], &size[1]) == FF_OK);
        for (int k = 0; k < 2; k++)
            for (uint32_t i = 0; i < size[k]; i++) sum = sum * 31u + ((const unsigned char *)part[k])[i];
    }
    return sum;
}

static void learn_a_little(void)
{
    for (int i = 0; i < 3; i++) {
        ff_input *x = sample(0);
        (void)ff_learn(x, (int)draw(FF_CLASSES));
        free(x);
    }
}

static void storage(void)
{
    memory m = {0, 0, -1};
    ff_storage given;
    m.size = 2 * ff_slot_size();
    m.bytes = malloc(m.size);
    given.read = read_bytes;
    given.write = write_bytes;
    given.context = &m;
    for (uint32_t i = 0; i < m.size; i++) m.bytes[i] = (unsigned char)draw(256);
    EXPECT(ff_load(&given) == FF_NOTHING_SAVED);
    EXPECT(ff_load(0) == FF_BAD_ARGUMENT && ff_save(0) == FF_BAD_ARGUMENT);
    ff_init();
    uint32_t exported = weights_sum();
    EXPECT(ff_save(&given) == FF_OK);
    uint32_t saved = exported;
    for (int run = 0; run < RUNS / 10; run++) { /* a power cut at any call: the old network or the new */
        learn_a_little();
        uint32_t learned = weights_sum();
        m.left = (int)draw(40);
        int code = ff_save(&given);
        m.left = -1;
        if (code == FF_OK) saved = learned;
        ff_init();
        EXPECT(ff_load(&given) == FF_OK);
        uint32_t found = weights_sum();
        EXPECT(found == saved || found == learned);
        saved = found;
    }
    unsigned char *copy = malloc(m.size);
    uint32_t slot = ff_slot_size(), kept[2];
    memcpy(copy, m.bytes, m.size);
    for (uint32_t k = 0; k < 2; k++) { /* what each slot holds: with the other one damaged */
        m.bytes[(1 - k) * slot + draw(slot)] ^= 1u;
        EXPECT(known_code(ff_load(&given)));
        kept[k] = weights_sum();
        memcpy(m.bytes, copy, m.size);
    }
    EXPECT(kept[0] == saved || kept[1] == saved);
    for (int run = 0; run < RUNS / 10; run++) { /* a reader that fails: never half a network */
        m.left = (int)draw(60);
        int code = ff_load(&given);
        m.left = -1;
        uint32_t found = weights_sum();
        EXPECT(found == kept[0] || found == kept[1] || (code == FF_STORAGE_FAILED && found == exported));
    }
    for (int run = 0; run < RUNS / 10; run++) { /* damage in both slots is noticed */
        for (uint32_t k = 0; k < 2; k++) m.bytes[k * slot + draw(slot)] ^= (unsigned char)(1u << draw(8));
        EXPECT(ff_load(&given) == FF_NOTHING_SAVED);
        memcpy(m.bytes, copy, m.size);
    }
    free(copy);
    free(m.bytes);
}
#endif

int main(void)
{
    float scores[FF_CLASSES], goodness[FF_LAYERS * FF_CLASSES];
    ff_init();
    EXPECT(ff_predict(0) == FF_BAD_ARGUMENT && ff_scores(0, scores) == FF_BAD_ARGUMENT);
    EXPECT(ff_goodness(0, goodness) == FF_BAD_ARGUMENT);
    for (int run = 0; run < RUNS; run++) {
        ff_input *x = sample(draw(2) == 0);
        int label = draw(3) ? (int)draw(FF_CLASSES) : draw(2) ? -(int)draw(100) - 1 : (int)(FF_CLASSES + draw(1000));
        int right = label >= 0 && label < (int)FF_CLASSES, got = ff_predict(x);
        EXPECT(got < (int)FF_CLASSES && got >= FF_NO_MEMORY);
        EXPECT(known_code(ff_scores(x, scores)) && known_code(ff_goodness(x, goodness)));
        EXPECT(ff_class_name(label) != 0);
#if FF_LEARN
        if (draw(20) == 0) ff_set_rate(draw(2) ? NAN : -1.0f);
        if (draw(20) == 0) ff_set_rate(0.01f);
        if (draw(20) == 0) ff_set_learning(draw(4));
#if FF_ONE_LAYER
        int layer = (int)draw(FF_LAYERS + 2) - 1, code = ff_learn_layer(layer, x, label);
        EXPECT(known_code(code) && (right || code != FF_OK));
        if (code == FF_BUSY || draw(9) == 0) (void)ff_use_layer((int)draw(FF_LAYERS + 2) - 1, 0, 0);
#else
        int code = ff_learn(x, label);
        EXPECT(right ? known_code(code) : code == FF_BAD_LABEL);
        EXPECT(known_code(ff_remember(x, label)));
        if (draw(50) == 0) ff_init();
#endif
#else
        (void)right;
#endif
        free(x);
    }
#if FF_LEARN && !FF_ONE_LAYER
    EXPECT(ff_learn(0, 0) == FF_BAD_ARGUMENT);
    EXPECT(ff_layer_weights(-1, 0, 0, 0, 0) == FF_BAD_ARGUMENT);
    storage();
#endif
    return failures > 0;
}
