/* A call under way: what it was given, what it keeps open, the stack, and the faults it has met. And what the
 * call is not to look at (Root.closed in contract.py). It builds on memory.h. */

typedef struct {
    int number;
    size_t more; /* entries counted instead of named; 0: the path is what it is about */
    const char *doing;
} FaultEntry;

/* An entry of what was read of a directory: where it stands there, and above that, once they are to be
 * sorted, by how much its inode's number is above the lowest of them. */
typedef uint64_t Place;
#define OFFSET_BITS 22
_Static_assert(WIDEST <= 1 << OFFSET_BITS, "an offset must fit into a place");
#define MOST_PLACES(room) ((room) / SMALLEST_ENTRY)

/* A directory that is kept open for those in it: brothers and sisters come one after the other, and are
 * reached through it without the way there being looked up once more. */
typedef struct {
    int descriptor; /* -1: none */
    Buffer path;    /* relative to the root, with a NUL behind it */
    size_t length;  /* without the NUL */
} Around;

/* An entry of the stack that a call was given. */
typedef struct {
    const char *bytes; /* may have a NUL in it */
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
    Around passed;            /* for `remove`: no step from the root to it was somebody else's to delete */
    struct stat passed_status;

    /* Directories still to open: those given, from the end, below those met. */
    Given *given;
    size_t given_left;
    Paths met;

    /* What is not looked at, in order; and which of that may lie in the directory being worked on. */
    const char **closed;
    size_t closed_count;
    size_t closed_from;
    size_t closed_to;
    size_t closed_prefix; /* bytes of each before what lies in the directory */

    /* The entry being worked on. */
    Buffer path;        /* the directory, relative to the root, with a NUL behind it */
    size_t path_length; /* without the NUL */
    size_t duty;        /* trailing slashes that its entry had */
    Buffer rest;        /* what its entry had behind a NUL: names, or "/" and where to go on */

    /* What is read of a directory at a time. */
    char *listing;
    Place *places; /* with room for twice as many as there can be, as sorting takes that */
    size_t room;   /* bytes of the listing */
    int by_inode;  /* give the entries in the order of their inodes */
    int widely;    /* of as many at once as may be sorted; -1: if the file system gains by that */
    int links_tell; /* a directory has as many links as directories in it, and two more */
    int places_hold; /* see do_places_hold; -1: not asked yet */
    Paths fault_paths;
    Buffer faults;
    int no_memory; /* not even a fault could be taken down */
} Walk;

/* Take down what could not be done at `directory`/`name`. */
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

/* What Python said, in C. */
typedef struct {
    Walk walk;
    Buffer root_path;
    long long budget;
    void *stack; /* Python's, which keeps alive what is given */
} Call;

/* Find what is closed beneath walk->path: it stands side by side. */
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

/* Whether `name` in the directory being worked on is not to be looked at. */
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
