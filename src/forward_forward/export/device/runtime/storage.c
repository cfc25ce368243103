/* What was learned -> two slots of storage: a write that is cut off leaves the other slot valid. */
#if FF_LEARN && !FF_ONE_LAYER

typedef struct {
    uint32_t magic, model, sequence, size, sum;
} ff_header;

#define FF_MAGIC 0x31574646u /* "FFW1" */
#define FF_PIECES 4

static uint32_t ff_crc(uint32_t sum, const void *data, uint32_t size) /* CRC-32 of IEEE 802.3 */
{
    const uint8_t *byte = (const uint8_t *)data;
    sum = ~sum;
    while (size--) {
        sum ^= *byte++;
        for (int bit = 0; bit < 8; bit++) sum = sum & 1u ? sum >> 1 ^ 0xEDB88320u : sum >> 1;
    }
    return ~sum;
}

/* The pieces of memory that are saved. */
static void *ff_piece(int index, uint32_t *size)
{
    switch (index) {
    case 0: *size = sizeof ff_state.rate; return &ff_state.rate;
    case 1: *size = sizeof ff_state.known; return ff_state.known;
    case 2: *size = sizeof ff_ram_biases; return ff_ram_biases;
    default: *size = sizeof ff_ram_weights; return ff_ram_weights;
    }
}

static uint32_t ff_payload(void)
{
    uint32_t total = 0, size = 0;
    for (int i = 0; i < FF_PIECES; i++) {
        (void)ff_piece(i, &size);
        total += size;
    }
    return total;
}

uint32_t ff_slot_size(void) { return (uint32_t)sizeof(ff_header) + ff_payload(); }

static uint32_t ff_seal(const ff_header *header)
{
    uint32_t fields[4];
    fields[0] = header->magic;
    fields[1] = header->model;
    fields[2] = header->sequence;
    fields[3] = header->size;
    return ff_crc(0, fields, sizeof fields);
}

/* 1 if a slot holds the whole of what was saved of this model, 0 if not, -1 if it cannot be read. */
static int ff_valid(const ff_storage *storage, uint32_t slot, ff_header *header)
{
    uint8_t part[64];
    uint32_t at = slot * ff_slot_size(), sum;
    if (storage->read(storage->context, at, header, sizeof *header) != 0) return -1;
    if (header->magic != FF_MAGIC || header->model != FF_MODEL || header->size != ff_payload()) return 0;
    sum = ff_seal(header);
    at += (uint32_t)sizeof *header;
    for (uint32_t done = 0; done < header->size;) {
        uint32_t size = header->size - done < sizeof part ? header->size - done : (uint32_t)sizeof part;
        if (storage->read(storage->context, at + done, part, size) != 0) return -1;
        sum = ff_crc(sum, part, size);
        done += size;
    }
    return sum == header->sum;
}

/* The slot with the newest network, or -1; a slot that cannot be read is counted in `unread`. */
static int ff_newest(const ff_storage *storage, ff_header *found, int *unread)
{
    ff_header header[2];
    int valid[2], newest;
    *unread = 0;
    for (uint32_t slot = 0; slot < 2; slot++) {
        int code = ff_valid(storage, slot, &header[slot]);
        valid[slot] = code > 0;
        *unread += code < 0;
    }
    if (!valid[0] && !valid[1]) return -1;
    newest = valid[0] && valid[1] ? (int32_t)(header[1].sequence - header[0].sequence) > 0 : valid[1];
    *found = header[newest];
    return newest;
}

int ff_save(const ff_storage *storage)
{
    if (!storage || !storage->read || !storage->write) return FF_BAD_ARGUMENT;
    ff_header header = {0, 0, 0, 0, 0};
    int unread, newest = ff_newest(storage, &header, &unread);
    if (unread) return FF_STORAGE_FAILED; /* it may hold the newest network: keep it */
    uint32_t slot = newest == 0 ? 1 : 0, at = slot * ff_slot_size() + (uint32_t)sizeof header, size = 0;
    header.magic = FF_MAGIC;
    header.model = FF_MODEL;
    header.sequence += 1;
    header.size = ff_payload();
    header.sum = ff_seal(&header);
    for (int i = 0; i < FF_PIECES; i++) {
        void *piece = ff_piece(i, &size);
        if (storage->write(storage->context, at, piece, size) != 0) return FF_STORAGE_FAILED;
        header.sum = ff_crc(header.sum, piece, size);
        at += size;
    }
    /* The header comes last: until then the slot is not valid, and the other one is loaded. */
    if (storage->write(storage->context, slot * ff_slot_size(), &header, sizeof header) != 0)
        return FF_STORAGE_FAILED;
    return ff_valid(storage, slot, &header) > 0 ? FF_OK : FF_STORAGE_FAILED;
}

int ff_load(const ff_storage *storage)
{
    if (!storage || !storage->read) return FF_BAD_ARGUMENT;
    ff_header header = {0, 0, 0, 0, 0};
    int unread, slot = ff_newest(storage, &header, &unread);
    if (slot < 0) return unread ? FF_STORAGE_FAILED : FF_NOTHING_SAVED;
    uint32_t at = (uint32_t)slot * ff_slot_size() + (uint32_t)sizeof header, size = 0;
    uint32_t sum = ff_seal(&header);
    for (int i = 0; i < FF_PIECES; i++) {
        void *piece = ff_piece(i, &size);
        if (storage->read(storage->context, at, piece, size) != 0) {
            sum = ~header.sum;
            break;
        }
        sum = ff_crc(sum, piece, size);
        at += size;
    }
    if (sum == header.sum) return FF_OK;
    (void)ff_init(); /* half a network would be worse than the one that was exported */
    return FF_STORAGE_FAILED;
}
#endif
