/* One small network trained by AIfES, one sample at a time -> what device_aifes.py reads.
 *
 * A build with WITHOUT_AIFES is the same program less every call of AIfES: the difference of the two is
 * what AIfES takes of flash and RAM.
 *
 * Macros besides those of harness.h: HIDDEN (widths with commas between) or CNN; PARAMETER_BYTES,
 * TRAINING_BYTES: the memory AIfES is given (the program ends where it asks for more).
 */
#include "harness.h"

#ifndef WITHOUT_AIFES
#include "aifes.h"

static uint8_t parameter_memory[PARAMETER_BYTES] __attribute__((aligned(8)));
static uint8_t training_memory[TRAINING_BYTES] __attribute__((aligned(8)));

#ifdef CNN
#define SIDE 28
#define CONV(filters) AILAYER_CONV2D_F32_A(filters, HW(3, 3), HW(1, 1), HW(1, 1), HW(1, 1))
#define POOL AILAYER_MAXPOOL2D_F32_A(HW(2, 2), HW(2, 2), HW(0, 0))
static uint16_t input_shape[] = {1, 1, SIDE, SIDE};
#else
static const uint16_t hidden[] = {HIDDEN};
#define LAYERS (sizeof hidden / sizeof *hidden)
static uint16_t input_shape[] = {1, INPUT};
#endif
static uint16_t output_shape[] = {1, CLASSES}, target_shape[] = {1, 1};

/* Every object that AIfES asks its user to hold, in one place: its size is what the model's
 * description takes of RAM. */
static struct {
    aimodel_t model;
    ailayer_input_f32_t input;
#ifdef CNN
    ailayer_conv2d_t conv[2];
    ailayer_maxpool2d_t pool[2];
    ailayer_relu_f32_t relu[2];
    ailayer_flatten_t flatten;
#else
    ailayer_dense_f32_t dense[LAYERS];
    ailayer_relu_f32_t relu[LAYERS];
#endif
    ailayer_dense_f32_t last;
    ailayer_softmax_f32_t softmax;
    ailoss_crossentropy_f32_t loss;
    aiopti_sgd_f32_t sgd;
    aiopti_t *optimizer;
    aitensor_t input_tensor, target_tensor, output_tensor;
} net;
#endif

/* AIfES draws the first weights by rand(): the same generator for every C library, so that both builds
 * begin with the same weights. */
static uint64_t random_state;

int rand(void) /* SplitMix64 (Steele, Lea and Flood, 2014) */
{
    uint64_t mixed = random_state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return (int)((mixed ^ mixed >> 31) & 0x7FFFFFFF);
}

static void set_up(float rate, uint32_t seed)
{
    random_state = seed;
#ifdef WITHOUT_AIFES
    output[0] = rate;
#else
    ailayer_t *x;
    net.sgd = (aiopti_sgd_f32_t)AIOPTI_SGD_F32(rate);
    net.input = (ailayer_input_f32_t)AILAYER_INPUT_F32_A(sizeof input_shape / sizeof *input_shape, input_shape);
    x = net.model.input_layer = ailayer_input_f32_default(&net.input);
#ifdef CNN
    net.conv[0] = (ailayer_conv2d_t)CONV(8);
    net.conv[1] = (ailayer_conv2d_t)CONV(16);
    for (int layer = 0; layer < 2; layer++) {
        net.pool[layer] = (ailayer_maxpool2d_t)POOL;
        x = ailayer_conv2d_chw_f32_default(&net.conv[layer], x);
        x = ailayer_relu_f32_default(&net.relu[layer], x);
        x = ailayer_maxpool2d_chw_f32_default(&net.pool[layer], x);
    }
    x = ailayer_flatten_f32_default(&net.flatten, x);
#else
    for (unsigned layer = 0; layer < LAYERS; layer++) {
        net.dense[layer] = (ailayer_dense_f32_t)AILAYER_DENSE_F32_A(hidden[layer]);
        x = ailayer_dense_f32_default(&net.dense[layer], x);
        x = ailayer_relu_f32_default(&net.relu[layer], x);
    }
#endif
    net.last = (ailayer_dense_f32_t)AILAYER_DENSE_F32_A(CLASSES);
    x = ailayer_dense_f32_default(&net.last, x);
    net.model.output_layer = ailayer_softmax_f32_default(&net.softmax, x);
    /* Labels as numbers of a class: the cheapest form that AIfES takes. */
    net.model.loss = ailoss_crossentropy_sparse8_f32_default(&net.loss, net.model.output_layer);
    net.optimizer = aiopti_sgd_f32_default(&net.sgd);
    aialgo_compile_model(&net.model);
#if defined(NO_INPUT_GRADIENT) && !defined(CNN)
    /* A setting that AIfES has but never turns on by itself; its convolutions ignore it. */
    AILAYER_SETTINGS_SET(net.dense[0].base.settings, 0b1, AILAYER_SETTINGS_NO_INPUT_GRADIENT, TRUE);
#endif

    uint32_t parameters = aialgo_sizeof_parameter_memory(&net.model);
    uint32_t training = aialgo_sizeof_training_memory(&net.model, net.optimizer), optimizer = 0;
    ailayer_t *layer = net.model.input_layer;
    for (int i = 0; i < net.model.layer_count; i++, layer = layer->output_layer)
        for (int j = 0; j < layer->trainable_params_count; j++)
            optimizer += net.optimizer->sizeof_optimem(net.optimizer, layer->trainable_params[j]);
    show("parameter_bytes", parameters);
    show("training_bytes", training);
    show("optimizer_bytes", optimizer);
    show("inference_bytes", aialgo_sizeof_inference_memory(&net.model));
    show("model_bytes", sizeof net + sizeof input_shape + sizeof output_shape + sizeof target_shape);
    if (parameters > sizeof parameter_memory || training > sizeof training_memory)
        exit(3);
    aialgo_distribute_parameter_memory(&net.model, parameter_memory, parameters);
    aialgo_initialize_parameters_model(&net.model);
    aialgo_schedule_training_memory(&net.model, net.optimizer, training_memory, training);
    aialgo_init_model_for_training(&net.model, net.optimizer);

    net.input_tensor = (aitensor_t){.dtype = aif32, .dim = net.input.base.result.dim, .shape = input_shape, .data = input};
    net.target_tensor = (aitensor_t){.dtype = aiu8, .dim = 2, .shape = target_shape, .data = &target};
    net.output_tensor = (aitensor_t){.dtype = aif32, .dim = 2, .shape = output_shape, .data = output};
#endif
}

static __attribute__((noinline)) void train(void)
{
#ifndef WITHOUT_AIFES
    if (aialgo_train_model(&net.model, &net.input_tensor, &net.target_tensor, net.optimizer, 1))
        exit(4);
#endif
}

static __attribute__((noinline)) void predict(void)
{
#ifndef WITHOUT_AIFES
    aialgo_inference_model(&net.model, &net.input_tensor, &net.output_tensor);
#endif
}
