/* settle: files with several links, each inode counted once. It builds on memory.h, and asks no disk. */

/* Links that are looked at in one pass, about. The table of a pass has at most four places of 64 bytes for each. */
#define LINKS_AT_ONCE ((size_t)1 << 20)

typedef struct {
    const char *records;
    size_t count;
    size_t rank;
} LinkSlice;

/* What is known of an inode. There is none where `met` is 0. */
typedef struct {
    uint64_t device;
    uint64_t inode;
    uint64_t links;
    uint64_t blocks;
    uint64_t met;
    uint64_t chosen;
    uint64_t first; /* the rank of the first link that is chosen */
    uint64_t last;  /* that of the last one */
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

static void
read_record(uint64_t record[LINK_FIELDS], const LinkSlice *slice, size_t number)
{
    /* Bytes of Python need not lie where a number may. */
    memcpy(record, slice->records + number * LINK_FIELDS * sizeof *record,
           LINK_FIELDS * sizeof *record);
}

/* Whether a record is one of this pass. The high bits tell, as the low ones tell its place in the table. */
static int
is_of_pass(uint64_t hash, size_t pass, size_t passes)
{
    return passes == 1 || (hash >> 40) % passes == pass;
}

/* Take in one record. */
static void
meet_link(LinkedInode *inodes, size_t mask, uint64_t hash, const uint64_t record[LINK_FIELDS],
          size_t rank, int chosen, const LinkSums *sums)
{
    size_t slot = (size_t)hash & mask;
    while (inodes[slot].met > 0 &&
           (inodes[slot].inode != record[1] || inodes[slot].device != record[0])) {
        slot = (slot + 1) & mask;
    }
    LinkedInode *known = &inodes[slot];
    if (known->met++ == 0) {
        known->device = record[0];
        known->inode = record[1];
        known->links = record[2];
        known->blocks = record[4];
        sums->sums[APPARENT][rank] += record[3];
        sums->sums[ALLOCATED][rank] += record[4];
    }
    else if (record[2] > known->links) {
        /* Links may come and go while we look. The larger count promises less. */
        known->links = record[2];
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
        sums->sums[RECLAIMABLE][known->first] += known->blocks;
        sums->sums[FREED][known->last] += known->blocks;
    }
    if (known->chosen == known->met) {
        sums->sums[GONE][known->last] += known->blocks;
    }
}

/* Settle the slices, which are in the order of their ranks, in as many passes as keep the table small; -1 without
 * memory. */
static int
settle_links(const LinkSlice *slices, size_t count, const char *chosen, const LinkSums *sums)
{
    size_t total = 0;
    for (size_t at = 0; at < count; at++) {
        total += slices[at].count;
    }
    size_t passes = 1 + total / LINKS_AT_ONCE;
    for (size_t pass = 0; pass < passes; pass++) {
        uint64_t record[LINK_FIELDS];
        size_t expected = total;
        if (passes > 1) {
            expected = 0;
            for (size_t at = 0; at < count; at++) {
                for (size_t number = 0; number < slices[at].count; number++) {
                    read_record(record, &slices[at], number);
                    expected += (size_t)is_of_pass(mix(record[0], record[1]), pass, passes);
                }
            }
        }
        size_t places = 2;
        while (places < 2 * expected) {
            places *= 2;
        }
        LinkedInode *inodes = resize(NULL, places * sizeof *inodes);
        if (inodes == NULL) {
            return -1;
        }
        memset(inodes, 0, places * sizeof *inodes);
        for (size_t at = 0; at < count; at++) {
            for (size_t number = 0; number < slices[at].count; number++) {
                read_record(record, &slices[at], number);
                uint64_t hash = mix(record[0], record[1]);
                if (is_of_pass(hash, pass, passes)) {
                    size_t rank = slices[at].rank;
                    meet_link(inodes, places - 1, hash, record, rank, chosen[rank] != 0, sums);
                }
            }
        }
        for (size_t place = 0; place < places; place++) {
            settle_inode(&inodes[place], sums);
        }
        release(inodes);
    }
    return 0;
}
