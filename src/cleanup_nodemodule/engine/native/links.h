/* settle: files with several links, each inode counted once. It builds on memory.h, and asks no disk. */

/* The links are divided into parts, by a hash of their inodes, and one part after the other is counted in a table. So
 * the table is small: it stays in the processor's caches, and all of it takes no more than 40 bytes a link (the records
 * themselves take as much again). */
#define MOST_PARTS 256
#define LINKS_OF_A_PART 256 /* at least, while there are fewer parts than that */

typedef struct {
    const char *records;
    size_t count;
    size_t rank;
    uint64_t device;
} LinkSlice;

/* What is known of an inode. There is none where `met` is 0. */
typedef struct {
    uint64_t inode;
    uint64_t own;
    uint64_t device;
    uint32_t links;
    uint32_t met;
    uint32_t chosen;
    uint32_t first; /* the rank of the first link that is chosen */
    uint32_t last;  /* that of the last one */
} LinkedInode;

/* By rank: Settled of contract.py. */
typedef struct {
    uint64_t *sums[5];
} LinkSums;

enum { APPARENT, ALLOCATED, RECLAIMABLE, FREED, GONE, LINK_SUMS };

static uint64_t
mix(uint64_t device, uint64_t inode)
{
    /* The finalizer of MurmurHash3: neighbouring numbers go far apart. */
    uint64_t hash = inode ^ (device * 0x9E3779B97F4A7C15U);
    hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDU;
    hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53U;
    return hash ^ (hash >> 33);
}

/* Return the number at a place in a record, which need not lie where a number may: bytes of Python do not. */
static uint64_t
field_of(const char *record, size_t number)
{
    uint64_t field;
    memcpy(&field, record + number * sizeof field, sizeof field);
    return field;
}

static const char *
record_of(const LinkSlice *slice, size_t number)
{
    return slice->records + number * LINK_FIELDS * sizeof(uint64_t);
}

static uint64_t
hash_of(const LinkSlice *slice, const char *record)
{
    return mix(slice->device, field_of(record, 0));
}

/* Take in one record. */
static void
meet_link(LinkedInode *inodes, size_t mask, const LinkSlice *slice, const char *record, int chosen,
          const LinkSums *sums)
{
    uint64_t inode = field_of(record, 0), count = field_of(record, 1), own = field_of(record, 4);
    /* No more can be chosen than there are records, which are fewer. */
    uint32_t links = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    uint32_t rank = (uint32_t)slice->rank;
    size_t place = (size_t)mix(slice->device, inode) & mask;
    while (inodes[place].met > 0 &&
           (inodes[place].inode != inode || inodes[place].device != slice->device)) {
        place = (place + 1) & mask;
    }
    LinkedInode *known = &inodes[place];
    if (known->met++ == 0) {
        known->device = slice->device;
        known->inode = inode;
        known->links = links;
        known->own = own;
        sums->sums[APPARENT][rank] += field_of(record, 2);
        sums->sums[ALLOCATED][rank] += field_of(record, 3);
    }
    else {
        /* Links may come and go while we look, and so may what a file shares. The larger count of links promises less,
         * and so do the fewer bytes. */
        known->links = links > known->links ? links : known->links;
        known->own = own < known->own ? own : known->own;
    }
    if (chosen) {
        known->first = known->chosen++ == 0 ? rank : known->first;
        known->last = rank;
    }
}

static void
settle_inode(const LinkedInode *known, const LinkSums *sums)
{
    if (known->chosen == 0) {
        return;
    }
    if (known->chosen >= known->links) {
        sums->sums[RECLAIMABLE][known->first] += known->own;
        sums->sums[FREED][known->last] += known->own;
    }
    if (known->chosen == known->met) {
        sums->sums[GONE][known->last] += known->own;
    }
}

/* Return so many places that a table of them is three quarters full at most. */
static size_t
places_for(size_t count)
{
    size_t places = 2;
    while (places / 4 * 3 < count) {
        places *= 2;
    }
    return places;
}

/* Write the numbers of all records into `order`, those of one part behind each other, in ascending order. Part `p`
 * begins at `starts[p]`; its number is in the upper bits of the hash, as the lower ones tell the place in a table. */
static void
divide_links(const LinkSlice *slices, size_t count, int bits, uint32_t *order, size_t *starts)
{
    size_t next[MOST_PARTS + 1] = {0};
    size_t parts = (size_t)1 << bits;
    for (size_t at = 0; at < count; at++) {
        for (size_t number = 0; number < slices[at].count; number++) {
            /* In two steps: no number is shifted by all of its bits. */
            next[(hash_of(&slices[at], record_of(&slices[at], number)) >> 1 >> (63 - bits)) + 1]++;
        }
    }
    for (size_t part = 0; part < parts; part++) {
        next[part + 1] += next[part];
    }
    memcpy(starts, next, (parts + 1) * sizeof *starts);
    uint32_t whole = 0;
    for (size_t at = 0; at < count; at++) {
        for (size_t number = 0; number < slices[at].count; number++) {
            uint64_t hash = hash_of(&slices[at], record_of(&slices[at], number));
            order[next[hash >> 1 >> (63 - bits)]++] = whole++;
        }
    }
}

/* Settle the slices, which are in the order of their ranks; -1 without memory. Ranks have to fit into 32 bits. */
static int
settle_links(const LinkSlice *slices, size_t count, const char *chosen, const LinkSums *sums)
{
    size_t total = 0;
    for (size_t at = 0; at < count; at++) {
        total += slices[at].count;
    }
    if (total >= UINT32_MAX) {
        return -1;
    }
    int bits = 0;
    while ((size_t)1 << bits < MOST_PARTS && total >> bits > LINKS_OF_A_PART) {
        bits++;
    }
    size_t starts[MOST_PARTS + 1];
    uint32_t *order = resize(NULL, (total + 1) * sizeof *order);
    if (order == NULL) {
        return -1;
    }
    divide_links(slices, count, bits, order, starts);
    size_t most = 0;
    for (size_t part = 0; part < (size_t)1 << bits; part++) {
        size_t its = starts[part + 1] - starts[part];
        most = its > most ? its : most;
    }
    LinkedInode *inodes = resize(NULL, places_for(most) * sizeof *inodes);
    if (inodes == NULL) {
        release(order);
        return -1;
    }
    for (size_t part = 0; part < (size_t)1 << bits; part++) {
        size_t places = places_for(starts[part + 1] - starts[part]);
        memset(inodes, 0, places * sizeof *inodes);
        const LinkSlice *slice = slices;
        size_t before = 0; /* records in the slices before that one */
        for (size_t at = starts[part]; at < starts[part + 1]; at++) {
            while (order[at] - before >= slice->count) {
                before += slice->count;
                slice++;
            }
            meet_link(inodes, places - 1, slice, record_of(slice, order[at] - before),
                      chosen[slice->rank] != 0, sums);
        }
        for (size_t place = 0; place < places; place++) {
            settle_inode(&inodes[place], sums);
        }
    }
    release(inodes);
    release(order);
    return 0;
}
