/* The stack of a call: what an entry looks like, how one is taken off, and how a directory that is too large for one
 * call is cut up, so that other calls can go on with it. It builds on walk.h, beneath.h and listing.h.
 *
 * An entry of the stack is a string of bytes. Only this engine has to understand it:
 *
 *     entry = path duty [NUL rest]
 *     path  = nothing for the root; for all others the names from the root on, with "/" between them
 *     duty  = a number, written as so many slashes; often there are none
 *     rest  = names, or a place
 *     names = name, or names NUL name
 *     place = "/" and a decimal number
 *
 * No name is empty, or has a slash or a NUL in it. So the path ends before the slashes of the duty, and a rest that
 * begins with a slash is a place.
 *
 * The duty has a meaning for each function:
 *
 *     find     1: the directory is searched, even if it has a marker in it (Names.markers in contract.py)
 *     measure  1: the directory has the sticky bit
 *     remove   so many of the directories around the path are to be removed when the path is gone, innermost first
 *
 * The rest says what is to be done in the directory. Only `measure` and `remove` make one, and only on Linux:
 *
 *     no rest  everything in it, from the start; `remove` then removes the directory itself
 *     names    these entries of it; nothing else, so `remove` does not remove the directory
 *     place    everything from there on, where lseek(2) can go; AT_END: nothing is left, only to remove the directory
 *
 * In memory, the duty of what was met is either a number beside the bytes (PathEntry) or slashes in them. next_path
 * understands both. */

/* Take the next entry off the stack, into walk->path, duty and rest; 0 if none is left, -1 without memory. */
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

/* Close walk->path, which has been read. Or keep it open if directories were met in it, as they come next: the stack
 * had `met` entries before. */
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

/* Forget the stack: the root cannot be opened, so nothing can be done. */
static void
drop_stack(Walk *walk)
{
    walk->given_left = 0;
    cut_paths(&walk->met, 0);
}

/* Begin an entry with the path and the duty of the directory being worked on; -1 without memory. */
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
/* Whether a place in a directory that one open has told can be used by a later open.
 *
 * These file systems are known for it. With FUSE, the place may be the number of an entry in what was read when the
 * directory was opened. sshfs(1) 3.7.3 crashes when a later open goes on from there (an assertion of libfuse in
 * cache_readdir), and the mount is lost. In a merged directory of overlayfs, on SMB and in VirtualBox's folders the
 * place is such a number too, and means another entry when something has been deleted. */
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

#define AT_END (-1) /* the place behind everything */

/* Push an entry that goes on at a place; -1 without memory. */
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

/* Move the entry on top of the stack below those from number `at` on; -1 without memory, and then the entry is lost. */
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

/* Put an entry that goes on with the directory being worked on below those from number `at` on; -1 without memory. */
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
/* Whether another call can go on behind the last entry that was read. It cannot in the middle of what was read at once.
 * And lseek(2) takes only 63 of the 64 bits of a place. */
static int
can_go_on(const Listing *listing)
{
    return listing->next >= 0 && do_places_hold(listing->walk);
}

/* Cut up a directory that is too large for one call. The names of the next entries go into `parts` entries of the
 * stack, `each` names in one. Another entry, below those from number `bottom` on, goes on behind them. The calls that
 * get a part do the actual work, which is what is done with each name. Here names are only read, and only some of them
 * are in memory. If no other call can go on behind any of them, this call reads the names to the end. */
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
            /* There are enough parts. This one ends where another call can go on, which is not far. */
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
        /* At the end, only the directory itself is left to remove. */
        failed = insert_rest(walk, bottom, more > 0 ? listing->next : AT_END) < 0;
    }
    if (failed) {
        fault_here(walk, ENOMEM, "read");
    }
    empty(&part);
}

#endif

/* Whether a directory has so many directories in it that those met are dealt with first, as their paths are in memory.
 * The paths of the stack had `before` bytes when the directory was begun. */
static int
are_enough(const Walk *walk, size_t before)
{
    return walk->met.bytes.used > before + MOST_MET;
}

/* Whether that is so among names. Then those of walk->rest from `from` on become an entry of the stack, below those
 * from number `at` on. */
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
    /* The NUL behind the last name is not part of the entry. */
    if (begin_part(walk, &part) < 0 || append(&part, "", 1) < 0 ||
        append(&part, walk->rest.data + from, walk->rest.used - from - 1) < 0 ||
        push_bytes(&walk->met, &part) < 0 || sink(&walk->met, at) < 0) {
        fault_here(walk, ENOMEM, "read");
    }
    empty(&part);
    return 1;
}

/* Go to the place in walk->rest, if there is one; -1 with errno.
 *
 * A directory that was removed since it was opened is empty, which is no error. But ext4 returns EINVAL for a place in
 * one that had a single block: its places were hashes, as in a directory with an index (is_dx_dir in fs/ext4/dir.c),
 * and they are too large for a directory without a block. */
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

/* Whether walk->rest is names. */
static int
has_names(const Walk *walk)
{
    return walk->rest.used > 0 && walk->rest.data[0] != '/';
}

/* Whether walk->rest is the place AT_END. */
static int
is_at_end(const Walk *walk)
{
#ifdef ON_LINUX
    return walk->rest.used > 0 && !has_names(walk) &&
           strtoll(walk->rest.data + 1, NULL, 10) == AT_END;
#else
    (void)walk;
    return 0;
#endif
}
