/* Names that find and measure look for: a set of names, and shell wildcards. It builds on system.h. */

/* A set of names: a hash table with open addressing, at most half full. */
typedef struct {
    void *names; /* a Python object, which keeps the bytes alive */
    const char **slots;
    size_t mask;
} NameSet;

static size_t
hash_name(const char *name)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 1099511628211U;
    }
    return (size_t)(hash ^ (hash >> 32));
}

static int
has_name(const NameSet *set, const char *name)
{
    if (set->slots == NULL) {
        return 0;
    }
    for (size_t at = hash_name(name) & set->mask;; at = (at + 1) & set->mask) {
        if (set->slots[at] == NULL) {
            return 0;
        }
        if (strcmp(set->slots[at], name) == 0) {
            return 1;
        }
    }
}

/* Match a bracket expression as Python's fnmatch does; `*pattern` is behind the "[". A "]" that comes first is an
 * ordinary character, and "!" negates. Returns -1 if the expression does not end: then the "[" is an ordinary character
 * as well. */
static int
match_set(const char **pattern, unsigned char byte)
{
    const char *at = *pattern;
    int negated = *at == '!';
    at += negated;
    int matched = 0;
    int first = 1;
    while (first || *at != ']') {
        if (*at == '\0') {
            return -1;
        }
        unsigned char low = (unsigned char)*at++;
        unsigned char high = low;
        if (at[0] == '-' && at[1] != ']' && at[1] != '\0') {
            high = (unsigned char)at[1];
            at += 2;
        }
        matched |= low <= byte && byte <= high;
        first = 0;
    }
    *pattern = at + 1;
    return matched != negated;
}

/* Only the letters of ASCII have a lower case. */
static inline unsigned char
lower(unsigned char byte)
{
    return (unsigned char)(byte + ((unsigned)byte - 'A' < 26 ? 'a' - 'A' : 0));
}

/* Whether the shell wildcard fits all of `name`, in lower case if that is asked for. It is compared byte by byte, and a leading dot is like any other byte.
 * After a mismatch only the last star can take more, so the time is at most the product of both lengths. */
static inline int
fits_as(const char *pattern, const char *name, int in_lower_case)
{
    const char *after_star = NULL;
    const char *retry = NULL;
    while (*name != '\0') {
        const char *next = pattern + 1;
        unsigned char byte = in_lower_case ? lower((unsigned char)*name) : (unsigned char)*name;
        int matched = 0;
        if (*pattern == '*') {
            after_star = next;
            retry = name;
            pattern = next;
            continue;
        }
        if (*pattern == '?') {
            matched = 1;
        }
        else if (*pattern == '[') {
            matched = match_set(&next, byte);
            if (matched < 0) {
                matched = byte == '[';
            }
        }
        else {
            matched = (unsigned char)*pattern == byte;
        }
        if (matched) {
            pattern = next;
            name++;
        }
        else if (after_star != NULL) {
            pattern = after_star;
            name = ++retry;
        }
        else {
            return 0;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static int
fits(const char *pattern, const char *name)
{
    return fits_as(pattern, name, 0);
}

static int
fits_in_lower_case(const char *pattern, const char *name)
{
    return fits_as(pattern, name, 1);
}
