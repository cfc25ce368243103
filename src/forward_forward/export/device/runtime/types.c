/* A layer's description, in flash, and what is computed of it. */

enum { FF_IDENTITY, FF_RELU, FF_LEAKY_RELU, FF_RELU6, FF_TANH, FF_SIGMOID, FF_ELU, FF_GELU, FF_SILU };
enum { FF_NO_POOL, FF_MAX_POOL, FF_AVERAGE_POOL };
enum { FF_NO_NORM, FF_MEAN_SQUARE_ONE, FF_UNIT_LENGTH, FF_CLASS_GROUPS };
enum { FF_NO_GOODNESS, FF_LEARNED_READOUT, FF_FIXED_READOUT, FF_CHANNEL_GROUPS,
       FF_MEAN_SQUARE, FF_SUM_OF_SQUARES, FF_L2_NORM };
enum { FF_CROSS_ENTROPY, FF_SYMBA, FF_SILU_PAIR, FF_LOG_SIGMOID, FF_SIGMOID_LOSS };

#if FF_NUMBERS == 8
typedef int8_t ff_weight;
typedef int8_t ff_value; /* what weights are multiplied by */
#define FF_LARGEST 127.0f
#elif FF_NUMBERS == 16
typedef int16_t ff_weight;
typedef float ff_value;
#define FF_LARGEST 32767.0f
#else
typedef float ff_weight;
typedef float ff_value;
#endif

/* Maps are stored with the channels last; a dense layer is a map of one position. */
typedef struct {
    uint32_t in_channels, in_height, in_width;
    uint32_t channels, height, width; /* of the output, after pooling */
    uint32_t kernel_height, kernel_width, stride, padding, pool;
    uint32_t grid_height, grid_width; /* of averages that the read-out sees */
    uint32_t fan_in;                  /* weights of a unit */
    uint32_t input_at, input_skip, input_count; /* of a dense layer: the label's inputs are elsewhere */
    uint32_t label_at;                /* column of the first label's weight, in a two-pass layer */
    uint32_t readout_at;              /* where the read-out begins among the layer's weights */
    uint32_t weight_count, bias_count;
    uint32_t ram_weight, ram_bias;    /* where the copies in RAM begin */
    uint32_t output_at;               /* where the activities are, if all are kept */
    uint8_t activation, activation_first, pooling, normalize, groups, residual;
    uint8_t goodness, squared, loss, has_bias, learns, counted;
    float slope, eps, share;          /* share: of the layer in the sum of all */
    float alpha, smoothing, margin, temperature, threshold, sign, strength;
    const ff_weight *weights;         /* [units][fan_in], then [values][classes] of the read-out */
    const float *biases;              /* [units] */
    const float *scales;              /* [units], then [classes]; only of integers */
} ff_layer;

/* A layer's weights at this moment, its input and output. */
typedef struct {
    const ff_layer *layer;
    const ff_weight *weights;
    const float *biases;
    const float *in;
    const ff_value *operand;
    float inverse; /* what normalisation multiplies the input by */
    float scale;   /* the same, times the scale of an integer operand */
    int label;     /* of a two-pass layer's input, or -1 */
    const float *base; /* products of the first layer that all labels share, or none */
    float *out;
    uint8_t *choice; /* position of the largest value in each window of max pooling */
} ff_pass;

typedef struct {
    const ff_weight *weights;
    const float *biases;
} ff_live;
