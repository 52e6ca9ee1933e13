/* cover: what ranges of a disk have in common. It builds on memory.h, and asks no disk. */

#define MANY 1024 /* ranges, of Covered.full in contract.py */

typedef struct {
    const char *records;
    size_t count;
    size_t rank;
} RangeSlice;

/* A range; or several that are the same, with the last of their ranks. */
typedef struct {
    uint64_t begin;
    uint64_t last; /* its last byte: the end of the highest range does not fit into 64 bits */
    uint32_t rank;
    uint32_t times;
} Stretch;

/* By rank: Covered of contract.py. */
typedef struct {
    uint64_t *sums[2];
} RangeSums;

enum { COMMON, FULL, RANGE_SUMS };

/* Those that have begun: a heap, with the smallest key at the top. */
typedef struct {
    uint64_t key;
    const Stretch *stretch;
} Begun;

static size_t
begun_count(const Buffer *heap)
{
    return heap->used / sizeof(Begun);
}

static Begun *
begun(const Buffer *heap)
{
    return (Begun *)(void *)heap->data;
}

static int
push_begun(Buffer *heap, uint64_t key, const Stretch *stretch)
{
    Begun new = {key, stretch};
    if (append(heap, &new, sizeof new) < 0) {
        return -1;
    }
    size_t at = begun_count(heap) - 1;
    for (; at > 0 && begun(heap)[(at - 1) / 2].key > key; at = (at - 1) / 2) {
        begun(heap)[at] = begun(heap)[(at - 1) / 2];
    }
    begun(heap)[at] = new;
    return 0;
}

static void
pop_begun(Buffer *heap)
{
    heap->used -= sizeof(Begun);
    size_t count = begun_count(heap);
    Begun moved = begun(heap)[count];
    size_t at = 0;
    for (size_t below; (below = 2 * at + 1) < count; at = below) {
        below += below + 1 < count && begun(heap)[below + 1].key < begun(heap)[below].key;
        if (begun(heap)[below].key >= moved.key) {
            break;
        }
        begun(heap)[at] = begun(heap)[below];
    }
    begun(heap)[at] = moved;
}

static int
is_before(const Stretch *one, const Stretch *other)
{
    return one->begin != other->begin ? one->begin < other->begin : one->last < other->last;
}

enum { DIGITS_OF_STRETCH = 16 };

/* Return a digit of a stretch, of 8 bits; the highest one is of where it begins. */
static size_t
digit_of(const Stretch *stretch, int digit)
{
    uint64_t number = digit >= 8 ? stretch->begin : stretch->last;
    return number >> (digit % 8 * 8) & 255;
}

/* Sort by where they begin, then by where they end. This is a radix sort that begins with the highest digit, and that
 * needs no memory: each stretch is swapped to where those with its digit belong, and then each such group is sorted by
 * the digits below. */
static void
sort_stretches(Stretch *stretches, size_t count, int digit)
{
    enum { FEW = 24 };
    uint32_t next[256], end[256];
    for (; count > FEW && digit >= 0; digit--) {
        memset(end, 0, sizeof end);
        for (size_t at = 0; at < count; at++) {
            end[digit_of(&stretches[at], digit)]++;
        }
        if (end[digit_of(&stretches[0], digit)] == count) {
            continue; /* They all have it. */
        }
        uint32_t before = 0;
        for (size_t group = 0; group < 256; group++) {
            next[group] = before;
            before = end[group] += before;
        }
        for (size_t group = 0; group < 256; group++) {
            while (next[group] < end[group]) {
                Stretch taken = stretches[next[group]];
                for (size_t its; (its = digit_of(&taken, digit)) != group;) {
                    Stretch moved = stretches[next[its]];
                    stretches[next[its]++] = taken;
                    taken = moved;
                }
                stretches[next[group]++] = taken;
            }
        }
        for (size_t group = 0; group < 256; group++) {
            size_t start = group > 0 ? end[group - 1] : 0;
            sort_stretches(stretches + start, end[group] - start, digit - 1);
        }
        return;
    }
    for (size_t number = 1; count <= FEW && number < count; number++) {
        Stretch taken = stretches[number];
        size_t at = number;
        for (; at > 0 && is_before(&taken, &stretches[at - 1]); at--) {
            stretches[at] = stretches[at - 1];
        }
        stretches[at] = taken;
    }
}

/* Make one of those that are the same; returns how many are left. */
static size_t
unite_stretches(Stretch *stretches, size_t count)
{
    size_t left = 0;
    for (size_t at = 0; at < count; at++) {
        Stretch *before = &stretches[left > 0 ? left - 1 : 0];
        if (left > 0 && before->begin == stretches[at].begin && before->last == stretches[at].last) {
            before->times += stretches[at].times;
            before->rank = stretches[at].rank > before->rank ? stretches[at].rank : before->rank;
        }
        else {
            stretches[left++] = stretches[at];
        }
    }
    return left;
}

/* What has begun and not ended at a place of the disk. */
typedef struct {
    uint64_t place;
    uint64_t deep; /* so many ranges */
    Buffer by_end;
    Buffer by_rank; /* the last rank at the top, and also some that have ended */
} Sweep;

/* Count the bytes from the place on to `last`, where nothing begins or ends. */
static void
count_common(Sweep *sweep, uint64_t last, uint64_t times, const RangeSums *sums)
{
    uint64_t bytes = last - sweep->place + 1;
    if (bytes == 0 || sweep->deep < times) {
        return;
    }
    while (begun(&sweep->by_rank)->stretch->last < sweep->place) {
        pop_begun(&sweep->by_rank);
    }
    uint32_t rank = begun(&sweep->by_rank)->stretch->rank;
    sums->sums[COMMON][rank] += bytes;
    sums->sums[FULL][rank] += sweep->deep >= MANY ? bytes : 0;
}

/* Go on to where the next range begins; without one, to the end of all. */
static void
go_to(Sweep *sweep, const Stretch *next, uint64_t times, const RangeSums *sums)
{
    while (begun_count(&sweep->by_end) > 0) {
        const Stretch *ending = begun(&sweep->by_end)->stretch;
        if (next != NULL && ending->last >= next->begin) {
            count_common(sweep, next->begin - 1, times, sums);
            break;
        }
        count_common(sweep, ending->last, times, sums);
        sweep->place = ending->last + 1;
        sweep->deep -= ending->times;
        pop_begun(&sweep->by_end);
    }
    if (begun_count(&sweep->by_end) == 0) {
        sweep->by_rank.used = 0;
    }
    sweep->place = next != NULL ? next->begin : sweep->place;
}

/* Say what the ranges of the slices have in common; -1 without memory. Ranks have to fit into 32 bits, and the slices
 * are in the order of their ranks. */
static int
cover_ranges(const RangeSlice *slices, size_t count, uint64_t times, const RangeSums *sums)
{
    size_t total = 0, filled = 0;
    for (size_t at = 0; at < count; at++) {
        total += slices[at].count;
    }
    if (total >= UINT32_MAX) {
        return -1;
    }
    Stretch *stretches = resize(NULL, (total + 1) * sizeof *stretches);
    if (stretches == NULL) {
        return -1;
    }
    for (size_t at = 0; at < count; at++) {
        for (size_t number = 0; number < slices[at].count; number++) {
            uint64_t range[RANGE_FIELDS];
            memcpy(range, slices[at].records + number * sizeof range, sizeof range);
            if (range[1] > 0) {
                stretches[filled++] =
                    (Stretch){range[0], range[0] + range[1] - 1, (uint32_t)slices[at].rank, 1};
            }
        }
    }
    sort_stretches(stretches, filled, DIGITS_OF_STRETCH - 1);
    filled = unite_stretches(stretches, filled);
    Sweep sweep;
    memset(&sweep, 0, sizeof sweep);
    int failed = 0;
    for (size_t at = 0; at < filled && !failed; at++) {
        const Stretch *next = &stretches[at];
        go_to(&sweep, next, times, sums);
        if (sweep.by_end.used == 0 && (at + 1 == filled || stretches[at + 1].begin > next->last)) {
            /* It lies alone, as nearly all do. */
            uint64_t bytes = next->last - next->begin + 1;
            sums->sums[COMMON][next->rank] += next->times >= times ? bytes : 0;
            sums->sums[FULL][next->rank] += next->times >= times && next->times >= MANY ? bytes : 0;
            continue;
        }
        sweep.deep += next->times;
        failed = push_begun(&sweep.by_end, next->last, next) < 0 ||
                 push_begun(&sweep.by_rank, UINT32_MAX - next->rank, next) < 0;
    }
    if (!failed) {
        go_to(&sweep, NULL, times, sums);
    }
    empty(&sweep.by_end);
    empty(&sweep.by_rank);
    release(stretches);
    return failed ? -1 : 0;
}
