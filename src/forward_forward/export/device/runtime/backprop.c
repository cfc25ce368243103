/* The same network by backpropagation, to compare with: every layer's activities are kept. */
#if FF_LEARN && FF_BACKPROP

/* The slope of what a layer reads from the slope of its normalised input, in the same memory. */
static void ff_back_through_norm(const ff_pass *pass, float *below)
{
    const ff_layer *layer = pass->layer;
    uint32_t width = FF_COUNT_IN(layer);
    if (layer->normalize == FF_NO_NORM) return;
    float squares = ff_square_sum(pass->in, width), along = 0;
    float count = layer->normalize == FF_MEAN_SQUARE_ONE ? (float)width : 1.0f;
    float root = sqrtf(squares / count);
    for (uint32_t i = 0; i < width; i++) along += below[i] * pass->in[i];
    along *= root > 0 ? pass->inverse * pass->inverse / (root * count) : 0;
    for (uint32_t i = 0; i < width; i++) below[i] = below[i] * pass->inverse - pass->in[i] * along;
}

static int ff_learn_all(const float *in, uint32_t label)
{
    float goodness[FF_CLASSES], slope[FF_CLASSES];
    ff_pass passes[FF_LAYERS];
    const uint32_t last = FF_LAYERS - 1;
    for (uint32_t index = 0; index < FF_LAYERS; index++) {
        ff_begin(&passes[index], index, in, -1);
        ff_forward(&passes[index], FF_OUTPUT_OF(index));
        in = passes[index].out;
    }
    const float *value = ff_values_of(&passes[last]);
    ff_rate_classes(&passes[last], value, goodness);
    if (!ff_finite(goodness, FF_CLASSES)) return FF_NOT_FINITE;
    ff_loss_slopes(passes[last].layer, goodness, ff_state.known, FF_CLASSES, label, slope);
    float *above = ff_delta[last % 2];
    for (uint32_t index = FF_LAYERS; index-- > 0;) {
        const ff_pass *pass = &passes[index];
        const ff_layer *layer = pass->layer;
        int learns = layer->learns && (ff_state.learning >> index & 1u);
        ff_weight *weights = learns ? ff_weights_in_ram(index) : 0;
        float *below = index ? ff_delta[(index - 1) % 2] : 0;
        if (below)
            for (uint32_t i = 0; i < FF_COUNT_IN(layer); i++) below[i] = 0;
        float *biases = learns ? ff_biases_in_ram(index) : 0;
        for (uint32_t unit = 0; unit < layer->channels; unit++)
            ff_learn_unit(pass, weights, biases, unit, index == last ? slope : 0, value, above, below);
        if (below) ff_back_through_norm(pass, below);
        above = below;
    }
    return FF_OK;
}
#endif
