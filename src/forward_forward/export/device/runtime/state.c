/* All memory that is written to: its size is fixed, and the linker refuses what does not fit. */

static struct {
    ff_live live[FF_LAYERS]; /* where the weights are at this moment: in flash or in RAM */
    float rate;
    uint32_t random, learning;
    uint8_t known[FF_CLASSES]; /* whether a class has been trained: spare ones begin unknown */
    int32_t in_ram;            /* the layer whose copy is in RAM, if there is room for one */
} ff_state;

#if FF_REPLAY && !FF_LEARN
#error "FF_REPLAY repeats samples while learning: leave out FF_LEARN=0"
#endif
#if FF_ONE_LAYER && FF_REPLAY
#error "FF_REPLAY repeats samples in all layers: leave FF_ONE_LAYER out"
#endif
#define FF_AT_LEAST_1(size) ((size) > 0 ? (size) : 1)

#if FF_BACKPROP && FF_LEARN
#if FF_HELD
static float ff_front[FF_HELD]; /* the scaled input */
#endif
static float ff_outputs[FF_OUTPUTS]; /* backpropagation needs the activities of every layer */
static float ff_delta[2][FF_WIDEST];
#define FF_OUTPUT_OF(index) (ff_outputs + ff_layers[index].output_at)
#define FF_CHOICES FF_OUTPUTS
#define FF_CHOICE_AT(index) (ff_choice + ff_layers[index].output_at)
#else
static float ff_front[FF_AT_LEAST_1(FF_FRONT)]; /* the scaled input, then activities of odd layers */
static float ff_back[FF_BACK];                  /* activities of even layers */
#define FF_OUTPUT_OF(index) ((index) % 2 ? ff_front : ff_back)
#define FF_CHOICES FF_WIDEST
#define FF_CHOICE_AT(index) ff_choice
#endif
#if FF_MAX_POOLED && FF_LEARN
static uint8_t ff_choice[FF_CHOICES];
#define FF_CHOICE_OF(index) FF_CHOICE_AT(index)
#else
#define FF_CHOICE_OF(index) 0
#endif
#if FF_MAPS && !FF_TWO_PASS
static float ff_values[FF_MOST_VALUES];
#endif
#if FF_NUMBERS == 8
static int8_t ff_operand[FF_WIDEST_INPUT];
#endif
#if FF_TWO_PASS && FF_FRONT_HOLDS_INPUT
static float ff_scaled[FF_INPUTS]; /* every label reads it again */
#define FF_INPUT_BUFFER ff_scaled
#else
#define FF_INPUT_BUFFER ff_front
#endif
#if FF_TWO_PASS
static float ff_base[FF_FIRST_UNITS];
#if FF_LEARN
static float ff_wrong_front[FF_AT_LEAST_1(FF_FRONT)], ff_wrong_back[FF_BACK];
#endif
#endif
#if FF_LEARN
static ff_weight ff_ram_weights[FF_ONE_LAYER ? FF_MOST_WEIGHTS : FF_ALL_WEIGHTS];
static float ff_ram_biases[FF_ONE_LAYER ? FF_MOST_BIASES : FF_ALL_BIASES];
#if FF_MAPS && !FF_TWO_PASS
static float ff_slopes[FF_POSITIONS]; /* of one unit's activities */
#endif
#if FF_REPLAY
static ff_input ff_replayed[FF_REPLAY][FF_INPUTS];
static uint16_t ff_replayed_labels[FF_REPLAY];
static uint32_t ff_replay_count, ff_replay_seen;
#endif
#endif
