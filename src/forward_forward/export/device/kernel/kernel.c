/* The runtime, compiled to WebAssembly once for all networks. What are macros and arrays in a C
   export are fields of a block of memory here, which Python lays out (block.py) and the page loads.

   FF_TWO_PASS is given on the command line: 0 for layers that answer for every class, 1 for layers
   that are shown each label in turn. */
#include "ff_model.h"

#include <stddef.h>

/* Double precision, by the browser. Everything else is an instruction of WebAssembly. */
__attribute__((import_module("Math"), import_name("exp"))) double ff_exp(double x);
__attribute__((import_module("Math"), import_name("tanh"))) double ff_tanh(double x);

static inline float expf(float x) { return (float)ff_exp((double)x); }
static inline float tanhf(float x) { return (float)ff_tanh((double)x); }
static inline float sqrtf(float x) { return __builtin_sqrtf(x); }
static inline float fabsf(float x) { return __builtin_fabsf(x); }

/* 2/sqrt(pi) exp(-x^2) sum of x (2x^2)^n / (1 3 5 ... (2n+1)): no two terms cancel each other. */
static float erff(float given)
{
    double x = (double)given, term = x, sum = x;
    if (!(x > -6 && x < 6)) return x > 0 ? 1 : x < 0 ? -1 : given;
    for (int n = 1; n < 150; n++) sum += term *= 2 * x * x / (2 * n + 1);
    return (float)(1.1283791670955126 * ff_exp(-x * x) * sum);
}

#define FF_NUMBERS 0
#define FF_BACKPROP 0
#define FF_MAPS !FF_TWO_PASS
#define FF_MAX_POOLED !FF_TWO_PASS
#define FF_GROUP_NORM 1
#define FF_SMOOTH 1
#define FF_INPUT_IS_FLOAT 1
#define FF_FRONT_HOLDS_INPUT 1
#define FF_HUGE 1e18f
#define FF_MOST_LAYERS 32 /* bits of ff_set_learning */
#define FF_MOST_CLASSES 256

#include "types.c"

typedef struct {
    uint32_t layers, classes, spare, inputs, read;
    float rate;
    const ff_layer *table;
    const float *shift, *factor;  /* [inputs] */
    float *front, *back;          /* the scaled input and the activities */
    float *values, *slopes;       /* of layers that answer for every class */
    uint8_t *choice;
    float *scaled, *base, *wrong_front, *wrong_back; /* of layers that are shown a label */
    float *ram_weights, *ram_biases;
    float *sample, *answer;       /* for the page: [inputs] and [layers][classes] */
} ff_block;

#define ff_model ((const ff_block *)FF_BLOCK) /* the address is given on the command line */

#undef FF_INPUTS
#undef FF_CLASSES
#undef FF_SPARE
#undef FF_LAYERS
#define FF_INPUTS (ff_model->inputs)
#define FF_CLASSES (ff_model->classes)
#define FF_GROUPS (ff_model->classes)
#define FF_SPARE (ff_model->spare)
#define FF_LAYERS (ff_model->layers)
#define FF_READ (ff_model->read)
#define FF_RATE (ff_model->rate)
#define FF_SCALED(value, i) (((value) - ff_model->shift[i]) * ff_model->factor[i])

#define ff_layers (ff_model->table)
#define ff_names ((const char *const *)0) /* the page knows them */

/* In place of state.c. */
static struct {
    ff_live live[FF_MOST_LAYERS];
    float rate;
    uint32_t random, learning;
    uint8_t known[FF_MOST_CLASSES];
    int32_t in_ram;
} ff_state;

#define ff_front (ff_model->front)
#define ff_back (ff_model->back)
#define ff_values (ff_model->values)
#define ff_slopes (ff_model->slopes)
#define ff_scaled (ff_model->scaled)
#define ff_base (ff_model->base)
#define ff_wrong_front (ff_model->wrong_front)
#define ff_wrong_back (ff_model->wrong_back)
#define ff_ram_weights (ff_model->ram_weights)
#define ff_ram_biases (ff_model->ram_biases)
#define FF_OUTPUT_OF(index) ((index) % 2 ? ff_front : ff_back)
#if FF_TWO_PASS
#define FF_INPUT_BUFFER ff_scaled
#define FF_CHOICE_OF(index) 0
#else
#define FF_INPUT_BUFFER ff_front
#define FF_CHOICE_OF(index) (ff_model->choice)
#endif

#include "arithmetic.c"
#include "forward.c"
#include "learn.c"
#include "interface.c"
