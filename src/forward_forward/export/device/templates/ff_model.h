/* {{ title }}
 *
 * A network trained by Forward-Forward learning, which goes on learning here. Made by
 * forward-forward {{ version }}; weights {{ fingerprint[:12] }}. C99, no heap, libm only.
 *
 * Input: {{ input }}.
 * Classes: {{ classes }}{% if spare %}, and {{ spare }} to be learned here{% endif %}.
 *
 * Functions that return an int return FF_OK (0), or a label, or one of the negative codes below. There is a single model, in
 * static memory: do not call it from two threads or from an interrupt at the same time.
 *
 * Compile with -DFF_LEARN=0 to predict only, in the least memory; with -DFF_ONE_LAYER=1 to learn
 * one layer at a time, all other weights in flash; with -DFF_REPLAY=N to keep N samples in RAM,
 * one of which ff_learn repeats with each new one. The same options must be given to all files
 * that include this header.
 */
#ifndef FF_MODEL_H
#define FF_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef FF_LEARN
#define FF_LEARN 1
#endif
#ifndef FF_ONE_LAYER
#define FF_ONE_LAYER 0
#endif
#ifndef FF_REPLAY
#define FF_REPLAY 0
#endif

#define FF_INPUTS {{ inputs }}u  /* values of a sample */
#define FF_CLASSES {{ count }}u{% if spare %} /* the last {{ spare }} are spare */{% endif %}

#define FF_SPARE {{ spare }}u
#define FF_LAYERS {{ layers }}u

typedef {{ input_type }} ff_input;

enum {
    FF_OK = 0,
    FF_BAD_ARGUMENT = -1,   /* a null pointer, or no such layer */
    FF_BAD_LABEL = -2,      /* a label that is not from 0 to FF_CLASSES - 1 */
    FF_NOT_FINITE = -3,     /* the sample, or what the network makes of it, is NaN or too large */
    FF_NOTHING_SAVED = -4,  /* neither slot holds a network of this model */
    FF_STORAGE_FAILED = -5, /* a callback failed, or what was written reads back changed */
    FF_BUSY = -6,           /* another layer's copy is in RAM: see ff_use_layer */
    FF_NO_MEMORY = -7       /* compiled without room for samples: -DFF_REPLAY=N */
};

/* Start, or start again, from the weights that were exported. Call it first. */
int ff_init(void);

/* The label of a sample, from 0 on; or a negative code. */
int ff_predict(const ff_input *x);

/* The score of each class: the goodness summed over the layers that are read. */
int ff_scores(const ff_input *x, float scores[FF_CLASSES]);

/* The goodness of each class in each layer, [layer][class]. */
int ff_goodness(const ff_input *x, float goodness[FF_LAYERS * FF_CLASSES]);

/* The name of a label; "?" if there is no such label. */
const char *ff_class_name(int label);

#if FF_LEARN
#if !FF_ONE_LAYER
/* Learn a sample: every layer takes one step by its own loss. A spare class is known from its first
   sample on. With FF_REPLAY, one of the remembered samples is repeated. */
int ff_learn(const ff_input *x, int label);

/* Remember a sample without learning it, such as one of the training data. Once all places are taken,
   each sample so far is as likely to be kept as any other. */
int ff_remember(const ff_input *x, int label);
#endif
{% if two_pass %}

/* Learn that a sample has one label and not another; ff_learn draws the other one at random. */
int ff_learn_against(const ff_input *x, int label, int wrong);
{% endif %}
{% if not backprop %}

/* Let one layer take a step. With FF_ONE_LAYER its weights are copied to RAM at its first step, and
   stay there until ff_use_layer: write them to flash first (ff_layer_weights says where they are). */
int ff_learn_layer(int layer, const ff_input *x, int label);

/* From now on a layer's weights lie here, e.g. in flash, and its RAM is free; null pointers stand for
   those that were exported. Only with FF_ONE_LAYER. */
int ff_use_layer(int layer, const void *weights, const void *biases);
{% endif %}

/* Where a layer's weights are at this moment: those of its units, then those of its read-out. */
int ff_layer_weights(int layer, const void **weights, uint32_t *weight_bytes, const void **biases,
                     uint32_t *bias_bytes);

/* The learning rate of plain SGD, {{ rate }} at the start; a negative one or NaN is ignored. */
void ff_set_rate(float rate);

/* Which layers learn: bit i for layer i; all at the start. */
void ff_set_learning(uint32_t layers);

#if !FF_ONE_LAYER
/* Where a network is saved: 2 * ff_slot_size() bytes that read and write by offset. Callbacks return
   0 if all went well. */
typedef struct {
    int (*read)(void *context, uint32_t offset, void *data, uint32_t size);
    int (*write)(void *context, uint32_t offset, const void *data, uint32_t size);
    void *context;
} ff_storage;

uint32_t ff_slot_size(void);

/* Save what was learned. A power cut leaves the network that was saved before. Nothing is written if
   a slot cannot be read. */
int ff_save(const ff_storage *storage);

/* Load the newest valid network; if one slot cannot be read, the other one's. If reading fails
   half-way, the exported network is in place. */
int ff_load(const ff_storage *storage);
#endif
#endif

#ifdef __cplusplus
}
#endif
#endif
