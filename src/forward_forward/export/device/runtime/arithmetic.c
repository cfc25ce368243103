/* Products, activations and random numbers. */

static float ff_dot(const ff_weight *w, const ff_value *x, uint32_t n)
{
    uint32_t i = 0;
#if FF_NUMBERS == 8
    int32_t sum = 0;
    for (; i < n; i++) sum += (int32_t)w[i] * (int32_t)x[i];
    return (float)sum;
#else
    float a = 0, b = 0, c = 0, d = 0; /* four sums: a single one would wait for each addition */
    for (; i + 8 <= n; i += 8) {
        a += (float)w[i] * x[i];
        b += (float)w[i + 1] * x[i + 1];
        c += (float)w[i + 2] * x[i + 2];
        d += (float)w[i + 3] * x[i + 3];
        a += (float)w[i + 4] * x[i + 4];
        b += (float)w[i + 5] * x[i + 5];
        c += (float)w[i + 6] * x[i + 6];
        d += (float)w[i + 7] * x[i + 7];
    }
    for (; i < n; i++) a += (float)w[i] * x[i];
    return (a + b) + (c + d);
#endif
}

#if FF_NUMBERS != 8
/* The products of two rows: each input is loaded once for both. */
static void ff_dot_two(const ff_weight *u, const ff_weight *v, const ff_value *x, uint32_t n, float *both)
{
    float a = 0, b = 0, c = 0, d = 0;
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        a += (float)u[i] * x[i];
        b += (float)v[i] * x[i];
        c += (float)u[i + 1] * x[i + 1];
        d += (float)v[i + 1] * x[i + 1];
        a += (float)u[i + 2] * x[i + 2];
        b += (float)v[i + 2] * x[i + 2];
        c += (float)u[i + 3] * x[i + 3];
        d += (float)v[i + 3] * x[i + 3];
    }
    for (; i < n; i++) {
        a += (float)u[i] * x[i];
        b += (float)v[i] * x[i];
    }
    both[0] = a + c;
    both[1] = b + d;
}
#endif

#if !FF_TWO_PASS
/* Add a multiple of a row of weights to `out`. */
static void ff_add_weights(float *out, const ff_weight *w, float factor, uint32_t n)
{
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        out[i] += factor * (float)w[i];
        out[i + 1] += factor * (float)w[i + 1];
        out[i + 2] += factor * (float)w[i + 2];
        out[i + 3] += factor * (float)w[i + 3];
        out[i + 4] += factor * (float)w[i + 4];
        out[i + 5] += factor * (float)w[i + 5];
        out[i + 6] += factor * (float)w[i + 6];
        out[i + 7] += factor * (float)w[i + 7];
    }
    for (; i < n; i++) out[i] += factor * (float)w[i];
}
#endif

static float ff_square_sum(const float *x, uint32_t n)
{
    float sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}

#if FF_LEARN && (FF_NUMBERS || FF_TWO_PASS || FF_REPLAY)
static uint32_t ff_next_random(void) /* xorshift32 (Marsaglia, 2003) */
{
    uint32_t r = ff_state.random;
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    return ff_state.random = r;
}
#endif

#if FF_LEARN
#if FF_NUMBERS
static float ff_uniform(void) { return (float)(ff_next_random() >> 8) * (1.0f / 16777216.0f); }

/* A step smaller than the grid of a weight is taken with the probability that keeps its mean. */
static ff_weight ff_rounded(float value)
{
    float whole = floorf(value + ff_uniform());
    if (whole > FF_LARGEST) whole = FF_LARGEST;
    if (whole < -FF_LARGEST) whole = -FF_LARGEST;
    return (ff_weight)whole;
}
#define FF_STEP(w, step, scale) ((w) = ff_rounded((float)(w) + (step) / (scale)))
#else
#define FF_STEP(w, step, scale) ((w) += (step))
#endif

static void ff_add(ff_weight *w, const float *x, float factor, float scale, uint32_t n)
{
    uint32_t i = 0;
    (void)scale;
#if !FF_NUMBERS
    for (; i + 8 <= n; i += 8) {
        w[i] += factor * x[i];
        w[i + 1] += factor * x[i + 1];
        w[i + 2] += factor * x[i + 2];
        w[i + 3] += factor * x[i + 3];
        w[i + 4] += factor * x[i + 4];
        w[i + 5] += factor * x[i + 5];
        w[i + 6] += factor * x[i + 6];
        w[i + 7] += factor * x[i + 7];
    }
#endif
    for (; i < n; i++) FF_STEP(w[i], factor * x[i], scale);
}
#endif

#if FF_LEARN || FF_SMOOTH
static float ff_sigmoid(float z)
{
    float e = expf(-fabsf(z));
    return z >= 0 ? 1.0f / (1.0f + e) : e / (1.0f + e);
}
#endif

static float ff_activate(const ff_layer *layer, float z)
{
    switch (layer->activation) {
    case FF_RELU: return z > 0 ? z : 0;
    case FF_LEAKY_RELU: return z > 0 ? z : layer->slope * z;
    case FF_RELU6: return z > 6 ? 6 : z > 0 ? z : 0;
    case FF_ELU: return z > 0 ? z : layer->slope * (expf(z) - 1.0f);
#if FF_SMOOTH
    case FF_TANH: return tanhf(z);
    case FF_SIGMOID: return ff_sigmoid(z);
    case FF_GELU: return 0.5f * z * (1.0f + erff(z * 0.70710678f));
    case FF_SILU: return z * ff_sigmoid(z);
#endif
    default: return z;
    }
}

#if FF_LEARN
/* The derivative of an activation h = f(z); z is read only by those from GELU on. */
static float ff_derivative(const ff_layer *layer, float z, float h)
{
    (void)z;
    switch (layer->activation) {
    case FF_RELU: return h > 0 ? 1 : 0;
    case FF_LEAKY_RELU: return h > 0 ? 1 : layer->slope;
    case FF_RELU6: return h > 0 && h < 6 ? 1 : 0;
    case FF_ELU: return h > 0 ? 1 : h + layer->slope;
#if FF_SMOOTH
    case FF_TANH: return 1.0f - h * h;
    case FF_SIGMOID: return h * (1.0f - h);
    case FF_GELU:
        return 0.5f * (1.0f + erff(z * 0.70710678f)) + z * 0.39894228f * expf(-0.5f * z * z);
    case FF_SILU: {
        float s = ff_sigmoid(z);
        return s * (1.0f + z * (1.0f - s));
    }
#endif
    default: return 1;
    }
}
#endif
