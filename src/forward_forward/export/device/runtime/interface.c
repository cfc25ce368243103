/* The functions of the header. */

#if FF_LEARN
static void ff_copy(void *to, const void *from, size_t size)
{
    uint8_t *a = (uint8_t *)to;
    const uint8_t *b = (const uint8_t *)from;
    while (size--) *a++ = *b++;
}
#endif

int ff_init(void)
{
    for (uint32_t i = 0; i < FF_LAYERS; i++) {
        ff_state.live[i].weights = ff_layers[i].weights;
        ff_state.live[i].biases = ff_layers[i].biases;
#if FF_LEARN && !FF_ONE_LAYER
        if (ff_layers[i].learns) {
            ff_weight *weights = ff_weights_in_ram(i);
            float *biases = ff_biases_in_ram(i);
            ff_copy(weights, ff_layers[i].weights, ff_layers[i].weight_count * sizeof(ff_weight));
            ff_copy(biases, ff_layers[i].biases, ff_layers[i].bias_count * sizeof(float));
            ff_state.live[i].weights = weights;
            ff_state.live[i].biases = biases;
        }
#endif
    }
    for (uint32_t c = 0; c < FF_CLASSES; c++) ff_state.known[c] = c < FF_CLASSES - FF_SPARE;
    ff_state.rate = FF_RATE;
    ff_state.random = 2463534242u;
    ff_state.learning = 0xffffffffu;
    ff_state.in_ram = -1;
#if FF_LEARN && FF_REPLAY
    ff_replay_count = ff_replay_seen = 0;
#endif
    return FF_OK;
}

/* Check a sample and scale it; NULL if it has values that cannot be used. */
static const float *ff_read(const ff_input *x)
{
#if FF_INPUT_IS_FLOAT
    if (!ff_finite(x, FF_INPUTS)) return 0;
#endif
#if FF_FRONT_HOLDS_INPUT
    for (uint32_t i = 0; i < FF_INPUTS; i++) FF_INPUT_BUFFER[i] = FF_SCALED((float)x[i], i);
    return FF_INPUT_BUFFER;
#else
    return x;
#endif
}

#if FF_TWO_PASS
/* The products of the first layer that all labels share. */
static void ff_share_product(const float *in)
{
    ff_pass pass;
    ff_begin(&pass, 0, in, 0);
    for (uint32_t unit = 0; unit < pass.layer->channels; unit++)
        ff_base[unit] = ff_product(&pass, unit, 0, 0);
}
#endif

/* Goodness of every class in each layer, or the weighted sum of the layers that are read. */
static int ff_run(const float *in, float *by_layer, float *scores)
{
    uint32_t stop = by_layer ? FF_LAYERS : FF_READ;
    if (scores)
        for (uint32_t c = 0; c < FF_CLASSES; c++) scores[c] = 0;
#if FF_TWO_PASS
    ff_share_product(in);
    for (uint32_t c = 0; c < FF_CLASSES; c++) {
        const float *x = in;
        for (uint32_t i = 0; i < stop; i++) {
            ff_pass pass;
            ff_begin(&pass, i, x, i ? -1 : (int)c);
            if (i == 0) pass.base = ff_base;
            ff_forward(&pass, i % 2 ? ff_front : ff_back);
            float goodness = ff_rate_one(&pass);
            if (!ff_finite(&goodness, 1)) return FF_NOT_FINITE;
            if (by_layer) by_layer[i * FF_CLASSES + c] = goodness;
            if (scores && pass.layer->counted) scores[c] += pass.layer->share * goodness;
            ff_pass_on(&pass);
            x = pass.out;
        }
    }
#else
    float goodness[FF_CLASSES];
    for (uint32_t i = 0; i < stop; i++) {
        ff_pass pass;
        ff_begin(&pass, i, in, -1);
        ff_forward(&pass, FF_OUTPUT_OF(i));
        if (pass.layer->goodness) {
            ff_rate_classes(&pass, ff_values_of(&pass), goodness);
            if (!ff_finite(goodness, FF_CLASSES)) return FF_NOT_FINITE;
        }
        for (uint32_t c = 0; c < FF_CLASSES; c++) {
            if (by_layer) by_layer[i * FF_CLASSES + c] = pass.layer->goodness ? goodness[c] : 0;
            if (scores && pass.layer->counted) scores[c] += pass.layer->share * goodness[c];
        }
        ff_pass_on(&pass);
        in = pass.out;
    }
#endif
    return FF_OK;
}

int ff_scores(const ff_input *x, float scores[FF_CLASSES])
{
    if (!x || !scores) return FF_BAD_ARGUMENT;
    const float *in = ff_read(x);
    return in ? ff_run(in, 0, scores) : FF_NOT_FINITE;
}

int ff_goodness(const ff_input *x, float goodness[FF_LAYERS * FF_CLASSES])
{
    if (!x || !goodness) return FF_BAD_ARGUMENT;
    const float *in = ff_read(x);
    return in ? ff_run(in, goodness, 0) : FF_NOT_FINITE;
}

int ff_predict(const ff_input *x)
{
    float scores[FF_CLASSES];
    int best = -1, code = ff_scores(x, scores);
    if (code != FF_OK) return code;
    for (int c = 0; c < (int)FF_CLASSES; c++)
        if (ff_state.known[c] && (best < 0 || scores[c] > scores[best])) best = c;
    return best;
}

const char *ff_class_name(int label)
{
    return label >= 0 && label < (int)FF_CLASSES ? ff_names[label] : "?";
}

#if FF_LEARN
void ff_set_rate(float rate)
{
    if (rate >= 0 && rate < FF_HUGE) ff_state.rate = rate;
}

void ff_set_learning(uint32_t layers) { ff_state.learning = layers; }

#if !FF_BACKPROP
/* Whether a layer takes steps: in the memory of one layer, only the one whose copy is there. */
static int ff_learns(uint32_t index)
{
    if (FF_ONE_LAYER && ff_state.in_ram != (int32_t)index) return 0;
    return ff_layers[index].learns && (ff_state.learning >> (index & 31u) & 1u);
}
#endif

#if FF_TWO_PASS
static int ff_learn_layers(const float *in, uint32_t label, uint32_t wrong, uint32_t from, uint32_t stop)
{
    ff_pass pass[2];
    const float *x[2];
    x[0] = x[1] = in;
    ff_share_product(in);
    for (uint32_t i = 0; i < stop; i++) {
        for (int k = 0; k < 2; k++) {
            ff_begin(&pass[k], i, x[k], i ? -1 : (int)(k ? wrong : label));
            if (i == 0) pass[k].base = ff_base;
            if (k) ff_forward(&pass[k], i % 2 ? ff_wrong_front : ff_wrong_back);
            else ff_forward(&pass[k], i % 2 ? ff_front : ff_back);
        }
        if (i >= from && ff_learns(i)) {
            int code = ff_learn_pair(&pass[0], &pass[1], i);
            if (code != FF_OK) return code;
        }
        for (int k = 0; k < 2; k++) {
            ff_pass_on(&pass[k]);
            x[k] = pass[k].out;
        }
    }
    return FF_OK;
}
#elif !FF_BACKPROP
static int ff_learn_layers(const float *in, uint32_t label, uint32_t from, uint32_t stop)
{
    for (uint32_t i = 0; i < stop; i++) {
        ff_pass pass;
        ff_begin(&pass, i, in, -1);
        ff_forward(&pass, FF_OUTPUT_OF(i)); /* by the weights before the step, as in joint training */
        if (i >= from && ff_learns(i)) {
            int code = ff_learn_pass(&pass, i, label);
            if (code != FF_OK) return code;
        }
        ff_pass_on(&pass);
        in = pass.out;
    }
    return FF_OK;
}
#endif

static int ff_learn_once(const ff_input *x, uint32_t label, uint32_t from, uint32_t stop)
{
    const float *in = ff_read(x);
    if (!in) return FF_NOT_FINITE;
    ff_state.known[label] = 1;
#if FF_TWO_PASS
    uint32_t wrong = (label + 1 + ff_next_random() % (FF_CLASSES - 1)) % FF_CLASSES;
    return ff_learn_layers(in, label, wrong, from, stop);
#elif FF_BACKPROP
    (void)from;
    (void)stop;
    return ff_learn_all(in, label);
#else
    return ff_learn_layers(in, label, from, stop);
#endif
}

#if FF_TWO_PASS
int ff_learn_against(const ff_input *x, int label, int wrong)
{
    if (!x) return FF_BAD_ARGUMENT;
    if (label < 0 || wrong < 0 || label >= (int)FF_CLASSES || wrong >= (int)FF_CLASSES || label == wrong)
        return FF_BAD_LABEL;
    const float *in = ff_read(x);
    return in ? ff_learn_layers(in, (uint32_t)label, (uint32_t)wrong, 0, FF_LAYERS) : FF_NOT_FINITE;
}
#endif

#if !FF_ONE_LAYER
int ff_remember(const ff_input *x, int label)
{
#if FF_REPLAY
    if (!x) return FF_BAD_ARGUMENT;
    if (label < 0 || label >= (int)FF_CLASSES) return FF_BAD_LABEL;
    if (!ff_read(x)) return FF_NOT_FINITE;
    /* Reservoir sampling (Vitter, 1985). */
    uint32_t at = ff_replay_seen < FF_REPLAY ? ff_replay_seen : ff_next_random() % (ff_replay_seen + 1);
    if (ff_replay_seen < 0xfffffffeu) ff_replay_seen++;
    if (at >= FF_REPLAY) return FF_OK;
    if (at >= ff_replay_count) ff_replay_count = at + 1;
    ff_copy(ff_replayed[at], x, sizeof ff_replayed[at]);
    ff_replayed_labels[at] = (uint16_t)label;
    return FF_OK;
#else
    (void)x;
    (void)label;
    return FF_NO_MEMORY;
#endif
}

int ff_learn(const ff_input *x, int label)
{
    if (!x) return FF_BAD_ARGUMENT;
    if (label < 0 || label >= (int)FF_CLASSES) return FF_BAD_LABEL;
    int code = ff_learn_once(x, (uint32_t)label, 0, FF_LAYERS);
#if FF_REPLAY
    if (code == FF_OK && ff_replay_count) {
        uint32_t at = ff_next_random() % ff_replay_count;
        code = ff_learn_once(ff_replayed[at], ff_replayed_labels[at], 0, FF_LAYERS);
    }
#endif
    return code;
}
#endif

int ff_layer_weights(int layer, const void **weights, uint32_t *weight_bytes, const void **biases,
                     uint32_t *bias_bytes)
{
    if (layer < 0 || layer >= (int)FF_LAYERS || !weights || !weight_bytes || !biases || !bias_bytes)
        return FF_BAD_ARGUMENT;
    *weights = ff_state.live[layer].weights;
    *biases = ff_state.live[layer].biases;
    *weight_bytes = ff_layers[layer].weight_count * (uint32_t)sizeof(ff_weight);
    *bias_bytes = ff_layers[layer].bias_count * (uint32_t)sizeof(float);
    return FF_OK;
}

#if !FF_BACKPROP
int ff_learn_layer(int layer, const ff_input *x, int label)
{
    if (!x || layer < 0 || layer >= (int)FF_LAYERS || !ff_layers[layer].learns) return FF_BAD_ARGUMENT;
    if (label < 0 || label >= (int)FF_CLASSES) return FF_BAD_LABEL;
#if FF_ONE_LAYER
    if (ff_state.in_ram != layer) {
        if (ff_state.in_ram >= 0) return FF_BUSY; /* what it has learned would be lost */
        const ff_layer *each = &ff_layers[layer];
        ff_copy(ff_ram_weights, ff_state.live[layer].weights, each->weight_count * sizeof(ff_weight));
        ff_copy(ff_ram_biases, ff_state.live[layer].biases, each->bias_count * sizeof(float));
        ff_state.live[layer].weights = ff_ram_weights;
        ff_state.live[layer].biases = ff_ram_biases;
        ff_state.in_ram = layer;
    }
#endif
    return ff_learn_once(x, (uint32_t)label, (uint32_t)layer, (uint32_t)layer + 1);
}

int ff_use_layer(int layer, const void *weights, const void *biases)
{
    if (layer < 0 || layer >= (int)FF_LAYERS || !ff_layers[layer].learns) return FF_BAD_ARGUMENT;
    if (!FF_ONE_LAYER || !weights != !biases) return FF_BAD_ARGUMENT;
    ff_state.live[layer].weights = weights ? (const ff_weight *)weights : ff_layers[layer].weights;
    ff_state.live[layer].biases = biases ? (const float *)biases : ff_layers[layer].biases;
    if (ff_state.in_ram == layer) ff_state.in_ram = -1;
    return FF_OK;
}
#endif
#endif
