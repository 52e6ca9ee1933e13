/* The stack of a call: what an entry looks like, taking one off, and cutting up a directory that is too large for
 * one call, so that others can go on with it. It builds on walk.h, beneath.h and listing.h. */

/* Take the next directory off the stack into walk->path; 0 if none is left, -1 without memory. */
static int
next_path(Walk *walk)
{
    const char *bytes;
    size_t length;
    walk->duty = 0;
    walk->rest.used = 0;
    size_t count = path_count(&walk->met);
    if (count > 0) {
        const PathEntry *entry = path_entry(&walk->met, count - 1);
        bytes = walk->met.bytes.data + entry->start;
        length = walk->met.bytes.used - entry->start;
        walk->duty = entry->duty;
    }
    else if (walk->given_left > 0) {
        bytes = walk->given[walk->given_left - 1].bytes;
        length = walk->given[walk->given_left - 1].length;
    }
    else {
        return 0;
    }
    const char *nul = length > 0 ? memchr(bytes, '\0', length) : NULL;
    walk->path.used = 0;
    if (nul != NULL) {
        size_t head = (size_t)(nul - bytes);
        if (append(&walk->rest, nul + 1, length - head - 1) < 0 || append(&walk->rest, "", 1) < 0) {
            return -1;
        }
        length = head;
    }
    while (length > 0 && bytes[length - 1] == '/') {
        length--;
        walk->duty++;
    }
    if (append(&walk->path, bytes, length) < 0 || reserve(&walk->path, 1) < 0) {
        return -1;
    }
    walk->path.data[length] = '\0';
    walk->path_length = length;
    if (count > 0) {
        cut_paths(&walk->met, count - 1);
    }
    else {
        walk->given_left--;
    }
    if (walk->closed_count > 0) {
        find_closed(walk);
    }
    return 1;
}

/* Close walk->path, which has been read; or keep it open, if more was met than so much, as that is next. */
static void
be_through(Walk *walk, int directory, size_t met)
{
    if (walk->openat2 && path_count(&walk->met) > met) {
        keep_around(&walk->around, directory, walk->path.data, walk->path_length);
    }
    else {
        let_go(directory);
    }
}

/* Leave everything that was not begun where it is: there is nothing to go on with. */
static void
drop_stack(Walk *walk)
{
    walk->given_left = 0;
    cut_paths(&walk->met, 0);
}

/* Begin an entry for the stack that goes on with the directory being worked on. */
static int
begin_part(Walk *walk, Buffer *part)
{
    part->used = 0;
    if (append(part, walk->path.data, walk->path_length) < 0 || reserve(part, walk->duty + 1) < 0) {
        return -1;
    }
    memset(part->data + part->used, '/', walk->duty);
    part->used += walk->duty;
    return 0;
}

#ifdef ON_LINUX
/* Whether a place in a directory, which one open has told, is good for another.
 *
 * Only where that is known. In user space (FUSE) it may be the number of an entry in what was read when the
 * directory was opened: sshfs(1) 3.7.3 ends, with the whole mount, when another one is gone on with from there (an
 * assertion of libfuse, cache_readdir). In a merged directory of overlayfs, on SMB and in VirtualBox's folders it
 * is such a number too, and once something is deleted means another entry. */
static int
do_places_hold(Walk *walk)
{
    if (walk->places_hold < 0) {
        switch (kind_of_system(walk)) {
        case EXT4:
        case XFS:
        case TMPFS:
        case BTRFS:
            walk->places_hold = 1;
            break;
        default:
            walk->places_hold = 0;
        }
    }
    return walk->places_hold;
}

#define AT_END (-1) /* instead of a place: nothing is left to read */

/* Push the place to go on reading from: no name has a slash, so it cannot be taken for one. */
static int
push_rest(Walk *walk, Buffer *part, int64_t offset)
{
    char text[32];
    int length = snprintf(text, sizeof text, "/%lld", (long long)offset);
    if (begin_part(walk, part) < 0 || append(part, "", 1) < 0 ||
        append(part, text, (size_t)length) < 0) {
        return -1;
    }
    return push_bytes(&walk->met, part);
}
#endif

/* Turn the entry on top of the stack to the bottom of those from place `at` on; -1 without memory, and then
 * it is gone. */
static int
sink(Paths *met, size_t at)
{
    size_t last = path_count(met) - 1;
    size_t start = path_entry(met, at)->start;
    size_t length = met->bytes.used - path_entry(met, last)->start;
    if (at == last) {
        return 0;
    }
    if (reserve(&met->bytes, length) < 0) {
        cut_paths(met, last);
        return -1;
    }
    memmove(met->bytes.data + start + length, met->bytes.data + start, met->bytes.used - start);
    memcpy(met->bytes.data + start, met->bytes.data + met->bytes.used, length);
    for (size_t number = last; number > at; number--) {
        path_entry(met, number)->start = path_entry(met, number - 1)->start + length;
        path_entry(met, number)->duty = path_entry(met, number - 1)->duty;
    }
    path_entry(met, at)->start = start;
    path_entry(met, at)->duty = 0;
    return 0;
}

/* Put an entry that goes on with the directory being worked on at place `at` of the stack. */
static int
insert_rest(Walk *walk, size_t at, int64_t offset)
{
    Buffer part = {NULL, 0, 0};
#ifdef ON_LINUX
    int failed = push_rest(walk, &part, offset) < 0;
#else
    (void)offset;
    int failed = begin_part(walk, &part) < 0 || push_bytes(&walk->met, &part) < 0;
#endif
    empty(&part);
    return failed ? -1 : sink(&walk->met, at);
}

#ifdef ON_LINUX
/* Whether another call can go on behind the entry that was read last. It cannot in the middle of what
 * was read at once; and of the 64 bits that say where that is lseek(2) takes but 63. */
static int
can_go_on(const Listing *listing)
{
    return listing->next >= 0 && do_places_hold(listing->walk);
}

/* Share out a directory that is too large for one call: the names of the next entries, some to each of
 * so many parts, and at place `bottom` of the stack where what follows begins. Whoever gets a part has the work
 * that counts, what is done with each name. Only names wait in memory, and not those of all, unless nobody can
 * go on behind any: then this call reads to the end. */
static void
share_out(Walk *walk, Listing *listing, long long each, size_t bottom, int parts)
{
    Buffer part = {NULL, 0, 0};
    int more = 1;
    int failed = 0;
    size_t duty = walk->duty;
    walk->duty = listing->removing ? 0 : duty;
    if (each < (long long)(walk->path_length / PATH_SHARE)) {
        each = (long long)(walk->path_length / PATH_SHARE);
    }
    for (int batch = 0; more > 0 && !failed && (batch < parts || !can_go_on(listing)); batch++) {
        long long names = 0;
        failed = begin_part(walk, &part) < 0;
        size_t fullest = part.used + BATCH;
        while (!failed && names < each && part.used < fullest) {
            /* Enough of them: this one ends where another call can go on, which is not far. */
            if (batch >= parts && can_go_on(listing)) {
                break;
            }
            more = next_entry(listing);
            if (more <= 0) {
                break;
            }
            names++;
            failed = append(&part, "", 1) < 0 ||
                     append(&part, listing->name, strlen(listing->name)) < 0;
        }
        failed = failed || (names > 0 && push_bytes(&walk->met, &part) < 0);
    }
    walk->duty = duty;
    if (more < 0) {
        fault_here(walk, errno, "read");
    }
    else if (!failed && (more > 0 || listing->removing)) {
        /* At its end there is but the directory itself left to do. */
        failed = insert_rest(walk, bottom, more > 0 ? listing->next : AT_END) < 0;
    }
    if (failed) {
        fault_here(walk, ENOMEM, "read");
    }
    empty(&part);
}

#endif

/* Whether so many directories were met in one that they have to be dealt with before any more are: their
 * paths wait in memory, `before` bytes of which are older. */
static int
are_enough(const Walk *walk, size_t before)
{
    return walk->met.bytes.used > before + MOST_MET;
}

/* Whether that is so in the midst of names: then those of walk->rest from `from` on are put at place `at` of
 * the stack, below the directories met. */
static int
leave_names(Walk *walk, size_t from, size_t at, size_t before)
{
    Buffer part = {NULL, 0, 0};
    if (!are_enough(walk, before)) {
        return 0;
    }
    if (from >= walk->rest.used) {
        return 1;
    }
    /* Behind the last one is a NUL, which is not part of the entry. */
    if (begin_part(walk, &part) < 0 || append(&part, "", 1) < 0 ||
        append(&part, walk->rest.data + from, walk->rest.used - from - 1) < 0 ||
        push_bytes(&walk->met, &part) < 0 || sink(&walk->met, at) < 0) {
        fault_here(walk, ENOMEM, "read");
    }
    empty(&part);
    return 1;
}

/* Go on where walk->rest says; -1 with errno.
 *
 * A directory that was removed since it was opened has nothing left in it, as reading it from the start says.
 * ext4 refuses to go on in one that had a single block (EINVAL): its offsets were hashes then, as if there
 * were an index (is_dx_dir in fs/ext4/dir.c), and these are too far in a directory without any block. */
static int
go_on(const Walk *walk, int directory)
{
    struct stat found;
    if (walk->rest.used == 0 ||
        lseek(directory, (off_t)strtoll(walk->rest.data + 1, NULL, 10), SEEK_SET) >= 0) {
        return 0;
    }
    int number = errno;
    if (read_open_status(directory, &found) == 0 && found.st_nlink == 0) {
        return 0;
    }
    errno = number;
    return -1;
}

/* Whether nothing is left to read of a directory, by walk->rest: it is to be removed. */
static int
is_at_end(const Walk *walk)
{
#ifdef ON_LINUX
    return walk->rest.used > 0 && strtoll(walk->rest.data + 1, NULL, 10) == AT_END;
#else
    (void)walk;
    return 0;
#endif
}

/* Whether walk->rest holds names rather than a place to go on from. */
static int
has_names(const Walk *walk)
{
    return walk->rest.used > 0 && walk->rest.data[0] != '/';
}
