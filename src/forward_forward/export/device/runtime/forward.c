/* An input -> a layer's activities, and its goodness of every class. */

#define FF_COUNT_IN(l) ((l)->in_channels * (l)->in_height * (l)->in_width)
#define FF_COUNT_OUT(l) ((l)->channels * (l)->height * (l)->width)
#define FF_VALUES_OF(l) ((l)->channels * (l)->grid_height * (l)->grid_width)

static float ff_scale_of(const ff_layer *layer, uint32_t row)
{
#if FF_NUMBERS
    return layer->scales[row];
#else
    (void)layer;
    (void)row;
    return 1;
#endif
}

#if FF_GROUP_NORM
/* Each class's group of channels, over all positions, to mean 0 and variance 1. */
static void ff_normalize_groups(const ff_layer *layer, float *in)
{
    uint32_t size = layer->in_channels / layer->groups;
    uint32_t positions = layer->in_height * layer->in_width;
    float count = (float)(size * positions);
    for (uint32_t group = 0; group < layer->groups; group++) {
        float *first = in + group * size, mean = 0, square = 0;
        for (uint32_t p = 0; p < positions; p++)
            for (uint32_t i = 0; i < size; i++) mean += first[p * layer->in_channels + i];
        mean /= count;
        for (uint32_t p = 0; p < positions; p++)
            for (uint32_t i = 0; i < size; i++) {
                float d = first[p * layer->in_channels + i] - mean;
                square += d * d;
            }
        float factor = 1.0f / sqrtf(square / count + layer->eps);
        for (uint32_t p = 0; p < positions; p++)
            for (uint32_t i = 0; i < size; i++) {
                float *each = &first[p * layer->in_channels + i];
                *each = (*each - mean) * factor;
            }
    }
}
#endif

/* Normalise the input of a layer: only groups are normalised in place, in a buffer of our own. */
static void ff_begin(ff_pass *pass, uint32_t index, const float *in, int label)
{
    const ff_layer *layer = &ff_layers[index];
    const ff_live *live = &ff_state.live[index];
    uint32_t width = FF_COUNT_IN(layer);
    float factor = 1;
    pass->layer = layer;
    pass->weights = live->weights;
    pass->biases = live->biases;
    pass->label = label;
    pass->choice = FF_CHOICE_OF(index);
    pass->base = 0;
#if FF_GROUP_NORM
    if (layer->normalize == FF_CLASS_GROUPS) ff_normalize_groups(layer, (float *)in);
#endif
    pass->in = in + layer->input_skip;
    if (layer->normalize == FF_MEAN_SQUARE_ONE || layer->normalize == FF_UNIT_LENGTH) {
        float squares = ff_square_sum(pass->in, layer->input_count);
        if (label >= 0) squares += layer->strength * layer->strength;
        if (layer->normalize == FF_MEAN_SQUARE_ONE) squares /= (float)width;
        factor = 1.0f / (sqrtf(squares) + layer->eps);
    }
    pass->inverse = factor;
    pass->scale = factor;
#if FF_NUMBERS == 8
    float largest = 0;
    for (uint32_t i = 0; i < layer->input_count; i++)
        if (fabsf(pass->in[i]) > largest) largest = fabsf(pass->in[i]);
    float grid = largest > 0 ? largest / FF_LARGEST : 1;
    for (uint32_t i = 0; i < layer->input_count; i++) {
        float scaled = pass->in[i] / grid;
        ff_operand[i] = (int8_t)(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
    }
    pass->operand = ff_operand;
    pass->scale *= grid;
#else
    pass->operand = pass->in;
#endif
}

/* The product of a unit's weights and the input at a position, in units of the scale. */
static float ff_product(const ff_pass *pass, uint32_t unit, uint32_t y, uint32_t x)
{
    const ff_layer *layer = pass->layer;
    const ff_weight *w = pass->weights + unit * layer->fan_in;
#if FF_MAPS
    if (layer->in_height * layer->in_width > 1) {
        int32_t top = (int32_t)(y * layer->stride) - (int32_t)layer->padding;
        int32_t left = (int32_t)(x * layer->stride) - (int32_t)layer->padding;
        uint32_t from = left < 0 ? (uint32_t)-left : 0, to = layer->kernel_width;
        if (left + (int32_t)to > (int32_t)layer->in_width)
            to = (uint32_t)((int32_t)layer->in_width - left);
        if (to <= from) return 0;
        float sum = 0;
        for (uint32_t k = 0; k < layer->kernel_height; k++) {
            int32_t row = top + (int32_t)k;
            if (row < 0 || row >= (int32_t)layer->in_height) continue;
            uint32_t at = (uint32_t)(row * (int32_t)layer->in_width + left + (int32_t)from);
            sum += ff_dot(w + (k * layer->kernel_width + from) * layer->in_channels,
                          pass->operand + at * layer->in_channels, (to - from) * layer->in_channels);
        }
        return sum;
    }
#else
    (void)y;
    (void)x;
#endif
    return ff_dot(w + layer->input_at, pass->operand, layer->input_count);
}

/* A unit's total from its product. */
static float ff_total(const ff_pass *pass, uint32_t unit, float product)
{
    const ff_layer *layer = pass->layer;
    float row = ff_scale_of(layer, unit), z = product * pass->scale * row;
#if FF_TWO_PASS
    if (pass->label >= 0)
        z += layer->strength * pass->inverse * row
             * (float)pass->weights[unit * layer->fan_in + layer->label_at + (uint32_t)pass->label];
#endif
    return layer->has_bias ? z + pass->biases[unit] : z;
}

#if FF_MAPS
/* The activity of a unit at a position of the pooled map. */
static float ff_pooled(const ff_pass *pass, uint32_t unit, uint32_t y, uint32_t x)
{
    const ff_layer *layer = pass->layer;
    uint32_t pool = layer->pool, best = 0;
    float found = 0;
    for (uint32_t i = 0; i < pool * pool; i++) {
        float z = ff_total(pass, unit, ff_product(pass, unit, y * pool + i / pool, x * pool + i % pool));
        if (layer->activation_first) z = ff_activate(layer, z);
        if (layer->pooling == FF_AVERAGE_POOL) found += z / (float)(pool * pool);
        else if (i == 0 || z > found) {
            found = z;
            best = i;
        }
    }
    if (pass->choice && layer->pooling == FF_MAX_POOL)
        pass->choice[(y * layer->width + x) * layer->channels + unit] = (uint8_t)best;
    return layer->activation_first ? found : ff_activate(layer, found);
}
#endif

/* All activities of a layer. */
static void ff_forward(ff_pass *pass, float *out)
{
    const ff_layer *layer = pass->layer;
    pass->out = out;
#if FF_MAPS
    if (layer->height * layer->width * layer->pool > 1) {
        for (uint32_t y = 0; y < layer->height; y++)
            for (uint32_t x = 0; x < layer->width; x++)
                for (uint32_t unit = 0; unit < layer->channels; unit++)
                    *out++ = ff_pooled(pass, unit, y, x);
        return;
    }
#endif
    uint32_t unit = 0;
#if FF_NUMBERS != 8
    if (!pass->base && layer->in_height * layer->in_width == 1) {
        const ff_weight *w = pass->weights + layer->input_at;
        for (; unit + 2 <= layer->channels; unit += 2, w += 2 * layer->fan_in) {
            float both[2];
            ff_dot_two(w, w + layer->fan_in, pass->operand, layer->input_count, both);
            for (uint32_t i = 0; i < 2; i++)
                out[unit + i] = ff_activate(layer, ff_total(pass, unit + i, both[i]));
        }
    }
#endif
    for (; unit < layer->channels; unit++) {
        float product = pass->base ? pass->base[unit] : ff_product(pass, unit, 0, 0);
        out[unit] = ff_activate(layer, ff_total(pass, unit, product));
    }
}

#if !FF_TWO_PASS
/* Rows of a cell in a grid of averages, as adaptive pooling divides a map. */
#define FF_CELL_FROM(cell, grid, size) ((cell) * (size) / (grid))
#define FF_CELL_TO(cell, grid, size) ((((cell) + 1) * (size) + (grid) - 1) / (grid))

/* What the read-out of a layer sees: its activities, or their averages in the cells of a grid. */
static const float *ff_values_of(const ff_pass *pass)
{
#if FF_MAPS
    const ff_layer *layer = pass->layer;
    if (layer->height * layer->width > 1) {
        float *value = ff_values;
        for (uint32_t i = 0; i < layer->grid_height; i++)
            for (uint32_t j = 0; j < layer->grid_width; j++) {
                uint32_t top = FF_CELL_FROM(i, layer->grid_height, layer->height);
                uint32_t bottom = FF_CELL_TO(i, layer->grid_height, layer->height);
                uint32_t left = FF_CELL_FROM(j, layer->grid_width, layer->width);
                uint32_t right = FF_CELL_TO(j, layer->grid_width, layer->width);
                float area = (float)((bottom - top) * (right - left));
                for (uint32_t c = 0; c < layer->channels; c++) {
                    float sum = 0;
                    for (uint32_t y = top; y < bottom; y++)
                        for (uint32_t x = left; x < right; x++) {
                            float h = pass->out[(y * layer->width + x) * layer->channels + c];
                            sum += layer->squared ? h * h : h;
                        }
                    *value++ = sum / area;
                }
            }
        return ff_values;
    }
#endif
    return pass->out;
}

#define FF_GROUP_OF(layer, unit) ((unit) * FF_GROUPS / (layer)->channels)
#define FF_GROUP_SIZE(layer, group)                                                                \
    (FF_GROUP_FROM(layer, (group) + 1) - FF_GROUP_FROM(layer, group))
#define FF_GROUP_FROM(layer, group) (((group) * (layer)->channels + FF_GROUPS - 1) / FF_GROUPS)

/* Goodness of every class [classes]. */
static void ff_rate_classes(const ff_pass *pass, const float *value, float *goodness)
{
    const ff_layer *layer = pass->layer;
    const ff_weight *row = pass->weights + layer->readout_at;
    int vector = layer->height * layer->width == 1;
    for (uint32_t c = 0; c < FF_CLASSES; c++) goodness[c] = 0;
    for (uint32_t v = 0; v < FF_VALUES_OF(layer); v++, row += FF_CLASSES) {
        float h = value[v];
        if (layer->squared && vector) h *= h;
        if (layer->goodness == FF_CHANNEL_GROUPS) {
            uint32_t group = FF_GROUP_OF(layer, v);
            goodness[group] += h / (float)FF_GROUP_SIZE(layer, group);
            row -= FF_CLASSES;
        } else if (h < 0 || h > 0) {
            ff_add_weights(goodness, row, h, FF_CLASSES);
        } else if (!(h == 0)) goodness[0] = h; /* not a number */
    }
#if FF_NUMBERS
    if (layer->goodness != FF_CHANNEL_GROUPS)
        for (uint32_t c = 0; c < FF_CLASSES; c++)
            goodness[c] *= ff_scale_of(layer, layer->channels + c);
#endif
}
#else
/* Goodness of a layer that is shown one label. */
static float ff_rate_one(const ff_pass *pass)
{
    const ff_layer *layer = pass->layer;
    float squares = ff_square_sum(pass->out, FF_COUNT_OUT(layer));
    if (layer->goodness == FF_MEAN_SQUARE) squares /= (float)FF_COUNT_OUT(layer);
    return layer->sign * (layer->goodness == FF_L2_NORM ? sqrtf(squares) : squares);
}
#endif

/* What the next layer reads: a residual layer adds its own input. */
static void ff_pass_on(const ff_pass *pass)
{
    if (pass->layer->residual)
        for (uint32_t i = 0; i < FF_COUNT_OUT(pass->layer); i++) pass->out[i] += pass->in[i];
}

static int ff_finite(const float *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!(x[i] > -FF_HUGE && x[i] < FF_HUGE)) return 0;
    return 1;
}
