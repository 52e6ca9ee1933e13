/* Reads directories: with getdents64(2) on Linux, where the entries are sorted by their inodes, and with
 * readdir(3) elsewhere. It builds on walk.h and status.h. */

/* A directory being read. */
typedef struct {
    int descriptor;
    const char *name; /* of the last entry that was read */
    unsigned char type;
    uint64_t inode;
    int64_t next; /* where to go on reading, for lseek(2); negative if that is not known */
    int removing; /* the directory is to be removed when it is empty */
#ifdef ON_LINUX
    Walk *walk;
    Place *places;
    Place *sorting;
    size_t at;
    size_t have; /* places */
    int64_t end; /* where to go on behind them, for lseek(2) */
#else
    DIR *stream;
#endif
} Listing;

#ifdef ON_LINUX
/* An entry in what getdents64(2) returns. */
struct entry64 {
    uint64_t inode;
    int64_t next;
    unsigned short length;
    unsigned char type;
    char name[];
};
#endif

static int
begin_listing(Walk *walk, Listing *listing, int descriptor)
{
    listing->descriptor = descriptor;
    listing->next = 0;
    listing->removing = 0;
#ifdef ON_LINUX
    listing->walk = walk;
    listing->places = listing->sorting = NULL;
    listing->at = listing->have = 0;
    return 0;
#else
    (void)walk;
    int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
        return -1;
    }
    listing->stream = fdopendir(own);
    if (listing->stream == NULL) {
        let_go(own);
        return -1;
    }
    return 0;
#endif
}

static void
end_listing(Listing *listing)
{
#ifdef ON_LINUX
    (void)listing;
#else
    closedir(listing->stream);
#endif
}

static int
is_itself_or_parent(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

#ifdef ON_LINUX
/* Return the entry of a place. */
static const struct entry64 *
entry_at(const Listing *listing, Place place)
{
    return (const void *)(listing->walk->listing + (place & ((1 << OFFSET_BITS) - 1)));
}

/* Sort the places by the numbers of their inodes, which differ by at most `range`: a few by insertion, many by radix
 * sort. qsort(3) took a twentieth of the time of the whole walk. */
static void
sort_places(Listing *listing, uint64_t range)
{
    enum { FEW = 32, DIGIT = 8, DIGITS = 1 << DIGIT };
    if (listing->have <= FEW) {
        for (size_t next = 1; next < listing->have; next++) {
            Place place = listing->places[next];
            size_t at = next;
            for (; at > 0 && listing->places[at - 1] > place; at--) {
                listing->places[at] = listing->places[at - 1];
            }
            listing->places[at] = place;
        }
        return;
    }
    for (int shift = OFFSET_BITS; range > 0; range >>= DIGIT, shift += DIGIT) {
        size_t starts[DIGITS] = {0};
        for (size_t at = 0; at < listing->have; at++) {
            starts[listing->places[at] >> shift & (DIGITS - 1)]++;
        }
        size_t start = 0;
        for (size_t digit = 0; digit < DIGITS; digit++) {
            size_t count = starts[digit];
            starts[digit] = start;
            start += count;
        }
        for (size_t at = 0; at < listing->have; at++) {
            Place place = listing->places[at];
            listing->sorting[starts[place >> shift & (DIGITS - 1)]++] = place;
        }
        Place *sorted = listing->sorting;
        listing->sorting = listing->places;
        listing->places = sorted;
    }
}

/* Read the next piece of a directory, and put it behind `before` bytes; returns what getdents64(2) does. */
static long
read_piece(const Listing *listing, size_t before)
{
    long got;
    do {
        got = syscall(SYS_getdents64, listing->descriptor, listing->walk->listing + before, LISTING);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Make room for as much as is sorted at once; 0 if that is of no use, or without memory. */
static int
widen(Walk *walk)
{
    if (walk->widely < 0) {
        walk->widely = kind_of_system(walk) == EXT4;
    }
    if (!walk->widely || walk->room == WIDEST) {
        return walk->widely;
    }
    Place *places = resize(walk->places, 2 * MOST_PLACES(WIDEST) * sizeof(Place));
    walk->places = places == NULL ? walk->places : places;
    char *listing = places == NULL ? NULL : resize(walk->listing, WIDEST);
    walk->listing = listing == NULL ? walk->listing : listing;
    walk->widely = listing != NULL;
    walk->room = listing == NULL ? walk->room : WIDEST;
    return walk->widely;
}

static long long
nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Read the next entries of a directory; 1 if there are any, 0 at the end, -1 with errno.
 *
 * ext4 lists by a hash of the names, and inodes are on the disk in the order of their numbers. In this order, each
 * block of inodes is read once, and the disk moves in one direction (fts.c in coreutils sorts for the same reason).
 * With nothing cached, one thread read 530,000 entries. Its requests to the disk were more than a mebibyte apart 12,500
 * times, against 18,900 without sorting. On a disk that does not turn, this made no difference that could be measured.
 *
 * For deleting it makes one, as that changes these blocks, and each change is written to a journal. The more of a large
 * directory is sorted at once, the more of a block's sixteen inodes are deleted one after the other. For
 * 200,000 files, one thread that sorted 64 KiB at once took 1.5 times as long as rm, which sorts 100,000 entries at
 * once. Two threads that sorted 4 MiB took 0.83 times as long. */
static int
read_on(Listing *listing)
{
    Walk *walk = listing->walk;
    listing->at = listing->have = 0;
    long got = read_piece(listing, 0);
    if (got > LISTING / 2 && widen(walk)) {
        long long end = nanoseconds() + LONGEST_READING;
        long piece = got;
        while (piece > 0 && got <= WIDEST - LISTING && nanoseconds() < end) {
            piece = read_piece(listing, (size_t)got);
            got += piece > 0 ? piece : 0; /* What cannot be read now will fail again later, and is said then. */
        }
    }
    listing->places = walk->places;
    listing->sorting = walk->places + MOST_PLACES(walk->room);
    if (got <= 0) {
        /* ENOENT: it was removed since it was opened (getdents(2)), so it is empty. */
        return got < 0 && errno == ENOENT ? 0 : (int)got;
    }
    int sorted = 1;
    uint64_t before = 0, lowest = UINT64_MAX, highest = 0;
    for (size_t offset = 0; offset < (size_t)got;) {
        const struct entry64 *entry = (const void *)(walk->listing + offset);
        listing->end = entry->next;
        if (!is_itself_or_parent(entry->name)) {
            listing->places[listing->have++] = offset;
            sorted &= before <= entry->inode;
            before = entry->inode;
            lowest = before < lowest ? before : lowest;
            highest = before > highest ? before : highest;
        }
        offset += entry->length;
    }
    /* Numbers that differ by more say nothing about places on a disk. */
    if (walk->by_inode && !sorted && (highest - lowest) >> (64 - OFFSET_BITS) == 0) {
        for (size_t at = 0; at < listing->have; at++) {
            uint64_t above = entry_at(listing, listing->places[at])->inode - lowest;
            listing->places[at] |= above << OFFSET_BITS;
        }
        sort_places(listing, highest - lowest);
    }
    return 1;
}
#endif

/* Read the next entry, without "." and ".."; 1 if there is one, 0 at the end, -1 with errno. */
static int
next_entry(Listing *listing)
{
#ifdef ON_LINUX
    while (listing->at >= listing->have) {
        int more = read_on(listing);
        if (more <= 0) {
            return more;
        }
    }
    const struct entry64 *entry = entry_at(listing, listing->places[listing->at++]);
    listing->name = entry->name;
    listing->type = entry->type;
    listing->inode = entry->inode;
    listing->next = listing->at == listing->have ? listing->end : -1;
    return 1;
#else
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(listing->stream);
        if (entry == NULL) {
            return errno == 0 || errno == ENOENT ? 0 : -1; /* As in read_on. */
        }
    } while (is_itself_or_parent(entry->d_name));
    listing->name = entry->d_name;
    listing->type = entry->d_type;
    listing->inode = entry->d_ino;
    listing->next = 0;
    return 1;
#endif
}
