/* A loss of the goodness of every class -> its slopes. */
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
#endif
