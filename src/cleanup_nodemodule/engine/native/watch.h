/* What measure watches for in the names and times of the entries it counts: Watch of contract.py. It builds on names.h,
 * and on all that this builds on.
 *
 * Every entry is looked at, so this has to cost little beside the system call for its status. Most entries are none of
 * those that are watched for. For these, a few bytes at the ends of the name decide, and no name is copied. */

/* A text, not ended by a NUL. */
typedef struct {
    const char *bytes; /* NULL: none */
    size_t length;
} Text;

/* A set of texts in lower case: a hash table with open addressing, at most a quarter full. */
typedef struct {
    void *given; /* a Python object, which keeps the bytes alive */
    Text *slots;
    size_t mask;
    size_t longest;
} TextSet;

/* Whether `length` bytes are `text`, but for the case of the letters. `text` is in lower case. */
static int
is_text(const char *text, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        if ((unsigned char)text[at] != lower((unsigned char)bytes[at])) {
            return 0;
        }
    }
    return 1;
}

/* A hash that does not depend on the case of letters. It is of three bytes and the length, as to hash all of a name
 * would take several times as long. Texts that have the same hash are compared, and there are few. */
static size_t
hash_text(const char *bytes, size_t length)
{
    uint32_t hash = (uint32_t)length;
    if (length > 0) {
        hash = hash << 8 ^ lower((unsigned char)bytes[0]);
        hash = hash << 8 ^ lower((unsigned char)bytes[length / 2]);
        hash = hash << 8 ^ lower((unsigned char)bytes[length - 1]);
    }
    hash *= 0x9E3779B1U; /* 2^32 by the golden ratio: the upper bits depend on all of it */
    return hash >> 16;
}

static int
has_text(const TextSet *set, const char *bytes, size_t length)
{
    if (set->slots == NULL || length > set->longest) {
        return 0;
    }
    for (size_t at = hash_text(bytes, length) & set->mask;; at = (at + 1) & set->mask) {
        const Text *slot = set->slots + at;
        if (slot->bytes == NULL) {
            return 0;
        }
        if (slot->length == length && is_text(slot->bytes, bytes, length)) {
            return 1;
        }
    }
}

/* Return the set of the bytes of a text: one bit stands for several bytes, and for both cases of a letter. A name can
 * have a text in it only if it has all the bits of the text. */
static uint32_t
bits_of(const char *bytes, size_t length)
{
    uint32_t bits = 0;
    for (size_t at = 0; at < length; at++) {
        bits |= (uint32_t)1 << (bytes[at] & 31);
    }
    return bits;
}

/* A shell wildcard for names in lower case. */
typedef struct {
    const char *pattern;
    size_t head; /* so many bytes of it come before the first wildcard */
    Text tail;   /* what comes behind the last one */
    int simple;  /* there is nothing between them but a star */
    uint32_t bits; /* what a name has to have of bits_of, if it is not simple */
} Glob;

static Glob
glob_of(const char *pattern)
{
    size_t length = strlen(pattern);
    Glob glob = {pattern, strcspn(pattern, "*?["), {pattern + length, 0}, 0, 0};
    /* A "[" that no "]" follows begins no set. So none of these bytes begins, or is in, a set that ends behind it. */
    if (glob.head < length) {
        while (strchr("*?[]", glob.tail.bytes[-1]) == NULL) {
            glob.tail.bytes--;
            glob.tail.length++;
        }
        glob.simple = glob.head + glob.tail.length + 1 == length && pattern[glob.head] == '*';
    }
    /* With a set in it, it is not known so easily what a name has to have. */
    for (const char *at = pattern; strchr(pattern, '[') == NULL && *at != '\0';) {
        size_t run = strcspn(at, "*?");
        glob.bits |= bits_of(at, run);
        at += run + (at[run] != '\0');
    }
    return glob;
}

/* Whether a name fits all of it but what is between head and tail. */
static int
fits_ends(const Glob *glob, const char *name, size_t length)
{
    return length >= glob->head + glob->tail.length &&
           is_text(glob->tail.bytes, name + length - glob->tail.length, glob->tail.length) &&
           is_text(glob->pattern, name, glob->head);
}

/* Add a wildcard to a list that has room for it. */
static void
add_glob(Glob *globs, size_t count, size_t *simple_count, const char *pattern)
{
    Glob glob = glob_of(pattern);
    globs[count] = glob;
    if (glob.simple) {
        globs[count] = globs[*simple_count];
        globs[(*simple_count)++] = glob;
    }
}

typedef struct {
    TextSet names;
    TextSet endings;
    TextSet written; /* names of directories in which nothing is late */
    Glob *globs; /* the simple ones come first */
    size_t glob_count;
    size_t simple_count;
    void *given_globs; /* a Python object, which keeps their bytes alive */
    int64_t since;
    Paths met;
    Paths late;
    int64_t unlisted;
} Watch;

/* Whether what follows the last dot of a name is among the endings. */
static int
has_ending(const Watch *watch, const char *name, size_t length)
{
    size_t longest = watch->endings.longest;
    size_t least = length > longest + 2 ? length - longest - 1 : 1;
    for (size_t start = length; start > least; start--) {
        if (name[start - 1] == '.') {
            return has_text(&watch->endings, name + start, length - start);
        }
    }
    return 0;
}

static int
fits_any_glob(const Watch *watch, const char *name, size_t length)
{
    size_t number = 0;
    for (; number < watch->simple_count; number++) {
        if (fits_ends(watch->globs + number, name, length)) {
            return 1;
        }
    }
    uint32_t bits = number < watch->glob_count ? bits_of(name, length) : 0;
    for (; number < watch->glob_count; number++) {
        const Glob *glob = watch->globs + number;
        if ((glob->bits & ~bits) == 0 && fits_ends(glob, name, length) &&
            fits_in_lower_case(glob->pattern, name)) {
            return 1;
        }
    }
    return 0;
}

/* List the entry `name` of the directory being worked on, or count that it is not listed; without memory there is a
 * fault instead. */
static void
list_watched(Walk *walk, Watch *watch, Paths *paths, const char *name, size_t length)
{
    if (path_count(paths) >= WATCHED) {
        watch->unlisted++;
    }
    else if (push_path(paths, walk->path.data, walk->path_length, name, length, 0) < 0) {
        fault_at(walk, name, ENOMEM, "read");
    }
}

/* Whether the directory being worked on is, or lies in, one that tools write into whenever they run. */
static int
is_written(const Walk *walk, const Watch *watch)
{
    const char *path = walk->path.data;
    size_t length = walk->path_length;
    for (size_t start = 0, at = 0; watch->written.slots != NULL && at <= length; at++) {
        if (at == length || path[at] == '/') {
            if (has_text(&watch->written, path + start, at - start)) {
                return 1;
            }
            start = at + 1;
        }
    }
    return 0;
}

/* Look at an entry of the directory being worked on. */
static void
look_at(Walk *walk, Watch *watch, const char *name, const Status *status)
{
    size_t length = strlen(name);
    int met = has_text(&watch->names, name, length);
    if (!S_ISDIR(status->mode)) {
        met = met || has_ending(watch, name, length) || fits_any_glob(watch, name, length);
        if (watch->since != 0 && status->modified > watch->since && !S_ISLNK(status->mode) &&
            !is_written(walk, watch)) {
            list_watched(walk, watch, &watch->late, name, length);
        }
    }
    if (met) {
        list_watched(walk, watch, &watch->met, name, length);
    }
}

/* Look at an entry of which nothing is known but the name. */
static void
look_at_closed(Walk *walk, Watch *watch, const char *name)
{
    size_t length = strlen(name);
    if (has_text(&watch->names, name, length)) {
        list_watched(walk, watch, &watch->met, name, length);
    }
}
