/* A call under way: what it was given, what it keeps open, the stack, and the faults it has met. And what the
 * call is not to look at (Root.closed in contract.py). It builds on memory.h. */

typedef struct {
    int number;
    size_t more; /* so many entries of the path, which are not named; 0: it is about the path itself */
    const char *doing;
} FaultEntry;

/* An entry of what was read of a directory. The lower bits say where it is in the listing. When entries are to be
 * sorted, the upper bits say how much higher its inode's number is than the lowest of them. */
typedef uint64_t Place;
#define OFFSET_BITS 22
_Static_assert(WIDEST <= 1 << OFFSET_BITS, "an offset must fit into a place");
#define MOST_PLACES(room) ((room) / SMALLEST_ENTRY)

/* A directory that is kept open. The directories in it come one after the other, and are opened through it. So the
 * kernel does not look up the whole path again for each of them. */
typedef struct {
    int descriptor; /* -1: none */
    Buffer path;    /* relative to the root, with a NUL behind it */
    size_t length;  /* without the NUL */
} Around;

/* An entry of the stack that a call was given; see stack.h. */
typedef struct {
    const char *bytes; /* there may be a NUL in them */
    size_t length;
} Given;

typedef struct {
    /* Opened once a call. */
    int parent;
    int root;
    dev_t device;
    ino_t inode;
    int openat2;
    const char *root_name;
    Around around;
    Around passed;            /* for `remove`: seen to be the user's to delete, and all directories above it */
    struct stat passed_status;

    /* The stack: what was given is below what was met. Both are taken from the end. */
    Given *given;
    size_t given_left;
    Paths met;

    /* What is not looked at, in ascending order, and the part of it that lies in the directory being worked on. */
    const char **closed;
    size_t closed_count;
    size_t closed_from;
    size_t closed_to;
    size_t closed_prefix; /* bytes of each path up to the name in the directory */

    /* The entry being worked on, in its parts; see stack.h. */
    Buffer path;        /* the directory, relative to the root, with a NUL behind it */
    size_t path_length; /* without the NUL */
    size_t duty;
    Buffer rest;        /* with a NUL behind it; empty if there is none */

    /* What is read of a directory at once. */
    char *listing;
    Place *places; /* room for twice as many as there can be, which sorting needs */
    size_t room;   /* bytes of the listing */
    int by_inode;  /* sort the entries by their inodes */
    int widely;    /* sort as many as possible at once; -1: if that is good for the file system */
    int links_tell; /* a directory has two links, and one more for each directory in it */
    int places_hold; /* see do_places_hold; -1: not asked yet */
    Paths fault_paths;
    Buffer faults;
    int no_memory; /* there was none even for a fault */
} Walk;

/* Record that something could not be done with `name` in walk->path. */
static void
add_fault(Walk *walk, const char *name, size_t name_length, int number, const char *doing,
          size_t more)
{
    FaultEntry fault = {number, more, doing};
    if (append(&walk->faults, &fault, sizeof fault) < 0) {
        walk->no_memory = 1;
    }
    else if (push_path(&walk->fault_paths, walk->path.data, walk->path_length, name, name_length,
                       0) < 0) {
        walk->faults.used -= sizeof fault;
        walk->no_memory = 1;
    }
}

static void
fault_here(Walk *walk, int number, const char *doing)
{
    add_fault(walk, "", 0, number, doing, 0);
}

static void
fault_at(Walk *walk, const char *name, int number, const char *doing)
{
    add_fault(walk, name, strlen(name), number, doing, 0);
}

/* A call with its arguments. */
typedef struct {
    Walk walk;
    Buffer root_path;
    long long budget;
    void *stack; /* a Python object, which keeps alive what was given */
} Call;

/* Find what is closed beneath walk->path: these paths are next to each other. */
static void
find_closed(Walk *walk)
{
    const char *path = walk->path.data;
    size_t length = walk->path_length;
    size_t from = 0, to = walk->closed_count;
    walk->closed_prefix = length > 0 ? length + 1 : 0;
    while (length > 0 && from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strncmp(walk->closed[middle], path, length);
        if (order < 0 || (order == 0 && (unsigned char)walk->closed[middle][length] < '/')) {
            from = middle + 1;
        }
        else {
            to = middle;
        }
    }
    walk->closed_from = from;
    to = length > 0 ? from : walk->closed_count;
    while (length > 0 && to < walk->closed_count &&
           strncmp(walk->closed[to], path, length) == 0 && walk->closed[to][length] == '/') {
        to++;
    }
    walk->closed_to = to;
}

/* Whether `name` in the directory being worked on is closed: it is not to be looked at. */
static int
is_closed(const Walk *walk, const char *name)
{
    size_t from = walk->closed_from, to = walk->closed_to;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(walk->closed[middle] + walk->closed_prefix, name);
        if (order == 0) {
            return 1;
        }
        if (order < 0) {
            from = middle + 1;
        }
        else {
            to = middle;
        }
    }
    return 0;
}
