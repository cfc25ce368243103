/* A layer's own step: the slope of its loss, and the steps of its weights. */
#if FF_LEARN

/* Slopes of the loss with respect to the goodness of each class that is known. */
static void ff_loss_slopes(const ff_layer *layer, const float *goodness, const uint8_t *known,
                           uint32_t classes, uint32_t label, float *slope)
{
    float t = layer->temperature, largest = -FF_HUGE, total = 0, count = 0, own = 0;
    for (uint32_t c = 0; c < classes; c++) {
        slope[c] = 0;
        if (!known[c]) continue;
        slope[c] = (goodness[c] - layer->threshold) / t;
        if (c == label && layer->loss == FF_CROSS_ENTROPY) slope[c] -= layer->margin;
        if (slope[c] > largest) largest = slope[c];
        count += 1;
    }
    if (layer->loss == FF_CROSS_ENTROPY) {
        for (uint32_t c = 0; c < classes; c++)
            if (known[c]) total += slope[c] = expf(slope[c] - largest);
        for (uint32_t c = 0; c < classes; c++)
            if (known[c]) slope[c] = (slope[c] / total - layer->smoothing / count) / t;
        slope[label] -= (1.0f - layer->smoothing) / t;
        return;
    }
    float positive = slope[label];
    for (uint32_t c = 0; c < classes; c++) {
        if (!known[c] || c == label) continue;
        float wrong = layer->alpha * (slope[c] - positive), s = ff_sigmoid(wrong), each = 0;
        if (layer->loss == FF_SYMBA) each = layer->alpha * s;
        if (layer->loss == FF_SILU_PAIR) each = layer->alpha * s * (1.0f + wrong * (1.0f - s));
        own -= each;
        if (layer->loss == FF_LOG_SIGMOID) each = ff_sigmoid(slope[c]);
        if (layer->loss == FF_SIGMOID_LOSS) {
            s = ff_sigmoid(slope[c]);
            each = s * (1.0f - s);
        }
        slope[c] = each / ((count - 1.0f) * t);
    }
    own /= count > 1 ? count - 1.0f : 1;
    if (layer->loss == FF_LOG_SIGMOID) own = -ff_sigmoid(-positive);
    if (layer->loss == FF_SIGMOID_LOSS) own = -ff_sigmoid(positive) * ff_sigmoid(-positive);
    slope[label] = own / t;
}

/* The copies in RAM of a layer that learns. */
static ff_weight *ff_weights_in_ram(uint32_t index)
{
    return ff_ram_weights + (FF_ONE_LAYER ? 0 : ff_layers[index].ram_weight);
}

static float *ff_biases_in_ram(uint32_t index)
{
    return ff_ram_biases + (FF_ONE_LAYER ? 0 : ff_layers[index].ram_bias);
}

#if !FF_TWO_PASS
/* One step of a unit's weights at a position of its product. With `below`, the slope of its input. */
static void ff_step_at(const ff_pass *pass, ff_weight *w, uint32_t unit, uint32_t y, uint32_t x,
                       float slope, float *below)
{
    const ff_layer *layer = pass->layer;
    const ff_weight *read = pass->weights + unit * layer->fan_in;
    float step = -ff_state.rate * slope * pass->inverse, row = ff_scale_of(layer, unit);
    (void)read;
    (void)below;
#if FF_MAPS
    if (layer->in_height * layer->in_width > 1) {
        int32_t top = (int32_t)(y * layer->stride) - (int32_t)layer->padding;
        int32_t left = (int32_t)(x * layer->stride) - (int32_t)layer->padding;
        uint32_t from = left < 0 ? (uint32_t)-left : 0, to = layer->kernel_width;
        if (left + (int32_t)to > (int32_t)layer->in_width)
            to = (uint32_t)((int32_t)layer->in_width - left);
        if (to <= from) return;
        for (uint32_t k = 0; k < layer->kernel_height; k++) {
            int32_t line = top + (int32_t)k;
            if (line < 0 || line >= (int32_t)layer->in_height) continue;
            uint32_t at = (uint32_t)(line * (int32_t)layer->in_width + left + (int32_t)from);
            uint32_t first = (k * layer->kernel_width + from) * layer->in_channels;
            uint32_t count = (to - from) * layer->in_channels;
#if FF_BACKPROP
            if (below) ff_add_weights(below + at * layer->in_channels, read + first, slope * row, count);
#endif
            if (w) ff_add(w + first, pass->in + at * layer->in_channels, step, row, count);
        }
        return;
    }
#else
    (void)y;
    (void)x;
#endif
#if FF_BACKPROP
    if (below) ff_add_weights(below, read, slope * row, layer->fan_in);
#endif
    if (w) ff_add(w + layer->input_at, pass->in, step, row, layer->input_count);
}

/* Slopes of the goodness [classes] -> the slope of one value, and the step of its read-out's weights. */
static float ff_through_value(const ff_pass *pass, ff_weight *weights, uint32_t v, const float *slope,
                              float h)
{
    const ff_layer *layer = pass->layer;
    uint32_t offset = layer->readout_at + v * FF_CLASSES;
    const ff_weight *read = pass->weights + offset;
    float back = 0;
    if (layer->goodness == FF_CHANNEL_GROUPS) {
        uint32_t group = FF_GROUP_OF(layer, v);
        return slope[group] / (float)FF_GROUP_SIZE(layer, group);
    }
    if (!weights || layer->goodness != FF_LEARNED_READOUT || h == 0) {
        for (uint32_t c = 0; c < FF_CLASSES; c++)
            back += slope[c] * (float)read[c] * ff_scale_of(layer, layer->channels + c);
        return back;
    }
    ff_weight *w = weights + offset;
    float factor = -ff_state.rate * h;
#if FF_NUMBERS
    for (uint32_t c = 0; c < FF_CLASSES; c++) {
        float row = ff_scale_of(layer, layer->channels + c);
        back += slope[c] * (float)w[c] * row;
        FF_STEP(w[c], factor * slope[c], row);
    }
#else
    uint32_t c = 0;
    for (; c + 2 <= FF_CLASSES; c += 2) {
        float first = slope[c], second = slope[c + 1], one = w[c], two = w[c + 1];
        back += first * one;
        back += second * two;
        w[c] = one + factor * first;
        w[c + 1] = two + factor * second;
    }
    for (; c < FF_CLASSES; c++) {
        back += slope[c] * w[c];
        w[c] += factor * slope[c];
    }
#endif
    return back;
}

#if FF_MAPS
/* The same at all positions, for the slopes of a unit's totals. */
static void ff_step_positions(const ff_pass *pass, ff_weight *w, uint32_t unit, const float *slopes,
                              float *below)
{
    const ff_layer *layer = pass->layer;
    uint32_t pool = layer->pool, count = pool * pool;
    for (uint32_t p = 0; p < layer->height * layer->width; p++) {
        if (slopes[p] == 0) continue; /* a silent unit learns nothing */
        uint32_t y = p / layer->width * pool, x = p % layer->width * pool;
        if (layer->pooling == FF_MAX_POOL) {
            uint32_t at = pass->choice[p * layer->channels + unit];
            ff_step_at(pass, w, unit, y + at / pool, x + at % pool, slopes[p], below);
        } else
            for (uint32_t i = 0; i < count; i++)
                ff_step_at(pass, w, unit, y + i / pool, x + i % pool, slopes[p] / (float)count, below);
    }
}

/* The slopes of a unit's activities at all positions -> the steps of its weights. */
static void ff_step_unit(const ff_pass *pass, ff_weight *weights, float *biases, uint32_t unit,
                         float *slopes, float *below)
{
    const ff_layer *layer = pass->layer;
    ff_weight *w = weights ? weights + unit * layer->fan_in : 0;
    uint32_t pool = layer->pool, count = pool * pool, positions = layer->height * layer->width;
    float total = 0;
    for (uint32_t p = 0; p < positions; p++) {
        float z = 0, h = pass->out[p * layer->channels + unit];
        if (layer->activation >= FF_GELU) { /* before any weight of this unit changes */
            uint32_t at = 0, y = p / layer->width, x = p % layer->width;
            if (layer->pooling == FF_MAX_POOL) at = pass->choice[p * layer->channels + unit];
            for (uint32_t i = 0; i < count; i++) {
                if (layer->pooling == FF_MAX_POOL && i != at) continue;
                float each = ff_total(pass, unit, ff_product(pass, unit, y * pool + i / pool,
                                                             x * pool + i % pool));
                z += layer->pooling == FF_AVERAGE_POOL ? each / (float)count : each;
            }
        }
        slopes[p] *= ff_derivative(layer, z, h);
        total += slopes[p];
    }
    if (below) ff_step_positions(pass, 0, unit, slopes, below);
    if (w) ff_step_positions(pass, w, unit, slopes, 0);
    if (biases && layer->has_bias) biases[unit] -= ff_state.rate * total;
}

/* The read-out of one channel of a map: the slopes of its activities at all positions. */
static void ff_through_readout(const ff_pass *pass, ff_weight *weights, uint32_t unit,
                               const float *slope, const float *value, float *slopes)
{
    const ff_layer *layer = pass->layer;
    uint32_t positions = layer->height * layer->width;
    for (uint32_t p = 0; p < positions; p++) slopes[p] = 0;
    for (uint32_t cell = 0; cell < layer->grid_height * layer->grid_width; cell++) {
        uint32_t v = cell * layer->channels + unit;
        float back = ff_through_value(pass, weights, v, slope, value[v]);
        if (back == 0) continue;
        uint32_t i = cell / layer->grid_width, j = cell % layer->grid_width;
        uint32_t top = FF_CELL_FROM(i, layer->grid_height, layer->height);
        uint32_t bottom = FF_CELL_TO(i, layer->grid_height, layer->height);
        uint32_t left = FF_CELL_FROM(j, layer->grid_width, layer->width);
        uint32_t right = FF_CELL_TO(j, layer->grid_width, layer->width);
        back /= (float)((bottom - top) * (right - left));
        for (uint32_t y = top; y < bottom; y++)
            for (uint32_t x = left; x < right; x++) {
                uint32_t p = y * layer->width + x;
                slopes[p] += layer->squared ? 2 * back * pass->out[p * layer->channels + unit] : back;
            }
    }
}
#endif

/* One unit of a layer. The slope of its activities comes from the layer's goodness (`slope`), or with
   backpropagation from the layer above; `below` gets the slope of the layer's input. */
static void ff_learn_unit(const ff_pass *pass, ff_weight *weights, float *biases, uint32_t unit,
                          const float *slope, const float *value, const float *above, float *below)
{
    const ff_layer *layer = pass->layer;
#if FF_MAPS
    uint32_t positions = layer->height * layer->width;
    if (positions * layer->pool > 1) {
        if (slope) ff_through_readout(pass, weights, unit, slope, value, ff_slopes);
        else
            for (uint32_t p = 0; p < positions; p++) ff_slopes[p] = above[p * layer->channels + unit];
        ff_step_unit(pass, weights, biases, unit, ff_slopes, below);
        return;
    }
#else
    (void)value;
#endif
    float h = pass->out[unit], z = 0, each;
    if (layer->activation == FF_RELU && h == 0) return; /* nothing depends on a silent unit */
    if (layer->activation >= FF_GELU) z = ff_total(pass, unit, ff_product(pass, unit, 0, 0));
    if (slope) {
        each = ff_through_value(pass, weights, unit, slope, layer->squared ? h * h : h);
        if (layer->squared) each *= 2 * h;
    } else each = above[unit];
    each *= ff_derivative(layer, z, h);
    if (each == 0) return;
    ff_step_at(pass, weights ? weights + unit * layer->fan_in : 0, unit, 0, 0, each, below);
    if (biases && layer->has_bias) biases[unit] -= ff_state.rate * each;
}

#if !FF_BACKPROP
/* One step of a layer that answers for every class. */
static int ff_learn_pass(const ff_pass *pass, uint32_t index, uint32_t label)
{
    float goodness[FF_CLASSES], slope[FF_CLASSES];
    ff_weight *weights = ff_weights_in_ram(index);
    float *biases = ff_biases_in_ram(index);
    const float *value = ff_values_of(pass);
    ff_rate_classes(pass, value, goodness);
    if (!ff_finite(goodness, FF_CLASSES)) return FF_NOT_FINITE;
    ff_loss_slopes(pass->layer, goodness, ff_state.known, FF_CLASSES, label, slope);
    for (uint32_t unit = 0; unit < pass->layer->channels; unit++)
        ff_learn_unit(pass, weights, biases, unit, slope, value, 0, 0);
    return FF_OK;
}
#endif
#else
/* One step of a unit's weights; its label has a weight of its own. */
static void ff_step_labelled(const ff_pass *pass, ff_weight *weights, float *biases, uint32_t unit,
                             float slope)
{
    const ff_layer *layer = pass->layer;
    ff_weight *w = weights + unit * layer->fan_in;
    float step = -ff_state.rate * slope * pass->inverse, row = ff_scale_of(layer, unit);
    if (slope == 0) return;
    ff_add(w + layer->input_at, pass->in, step, row, layer->input_count);
    if (pass->label >= 0) FF_STEP(w[layer->label_at + (uint32_t)pass->label], step * layer->strength, row);
    if (layer->has_bias) biases[unit] -= ff_state.rate * slope;
}

/* One step of a layer on the sample with its true label, and with a wrong one. */
static int ff_learn_pair(const ff_pass *positive, const ff_pass *negative, uint32_t index)
{
    static const uint8_t known[2] = {1, 1};
    float goodness[2], slope[2];
    const ff_layer *layer = positive->layer;
    const ff_pass *both[2];
    ff_weight *weights = ff_weights_in_ram(index);
    float *biases = ff_biases_in_ram(index);
    both[0] = positive;
    both[1] = negative;
    for (int i = 0; i < 2; i++) goodness[i] = ff_rate_one(both[i]);
    if (!ff_finite(goodness, 2)) return FF_NOT_FINITE;
    ff_loss_slopes(layer, goodness, known, 2, 0, slope);
    for (int i = 0; i < 2; i++) {
        slope[i] *= layer->sign;
        if (layer->goodness == FF_L2_NORM) slope[i] /= goodness[i] != 0 ? layer->sign * goodness[i] : 1;
        else slope[i] *= layer->goodness == FF_MEAN_SQUARE ? 2.0f / (float)layer->channels : 2.0f;
    }
    for (uint32_t unit = 0; unit < layer->channels; unit++) {
        float z[2]; /* derivatives of both, before any weight of the unit changes */
        for (int i = 0; i < 2; i++) {
            float total = layer->activation < FF_GELU ? 0
                          : ff_total(both[i], unit, ff_product(both[i], unit, 0, 0));
            z[i] = slope[i] * both[i]->out[unit] * ff_derivative(layer, total, both[i]->out[unit]);
        }
        for (int i = 0; i < 2; i++) ff_step_labelled(both[i], weights, biases, unit, z[i]);
    }
    return FF_OK;
}
#endif
#endif
