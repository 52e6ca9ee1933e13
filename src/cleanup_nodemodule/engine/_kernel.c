/* The native engine: find, measure and remove on system calls.
 *
 * The contract, and what every field means, is in contract.py; the reference in _python.py. This file
 * keeps to the same order of sections: what the system offers, memory, paths, opening beneath a root,
 * reading directories, the three functions; and then, from the line on that includes Python.h, what is
 * between them and Python.
 *
 * There are no threads or callbacks in here, and one lock, for files with several names. A call copies
 * nothing from Python but numbers and pointers into immutable bytes, lets go of the interpreter, walks, and
 * takes it again to build the result. Whoever wants several cores makes several calls.
 *
 * Nothing is opened but directories, and never by following anything: a FIFO cannot block a call, a
 * symlink cannot lead one away.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pyconfig.h> /* No interface, but what the headers of the system are to declare, before any of them */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* With CLEANUP_NODEMODULE_PORTABLE this compiles on Linux to what it is on macOS and other systems,
 * which is how CI tests that: readdir, a step for every component, no place to go on reading from. */
#if defined(__linux__) && !defined(CLEANUP_NODEMODULE_PORTABLE)
#define ON_LINUX 1
#include <sys/syscall.h>
#endif
#ifdef __linux__
#include <sys/vfs.h>
#endif

/* ---- What the system offers ------------------------------------------------------------------- */

#if defined(ON_LINUX) && !defined(__ANDROID__) && !defined(__alpha__)
#define HAVE_OPENAT2 1
#endif

#ifdef HAVE_OPENAT2
/* include/uapi/linux/openat2.h, spelt out for C libraries older than the call. */
#define NR_OPENAT2 437
#define NO_XDEV 0x01
#define NO_MAGICLINKS 0x02
#define NO_SYMLINKS 0x04
#define BENEATH 0x08
struct how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
#else
#define NO_XDEV 0
#define NO_MAGICLINKS 0
#define NO_SYMLINKS 0
#define BENEATH 0
#endif

#define CONFINED (BENEATH | NO_SYMLINKS | NO_MAGICLINKS)
#define SAME_MOUNT (CONFINED | NO_XDEV)

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif
#ifdef O_NOFOLLOW_ANY /* macOS 10.15, open(2): no symlink anywhere in the path */
#define NOFOLLOW O_NOFOLLOW_ANY
#define LONGEST_STEP 1000 /* its PATH_MAX is 1024 */
#else
#define NOFOLLOW O_NOFOLLOW
#define LONGEST_STEP 0 /* every component is a step of its own */
#endif
#define FLAGS (O_RDONLY | O_DIRECTORY | NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
#if defined(O_PATH)
#define PASSING (O_PATH | O_DIRECTORY | NOFOLLOW | O_CLOEXEC)
#elif defined(O_SEARCH)
#define PASSING (O_SEARCH | O_DIRECTORY | NOFOLLOW | O_CLOEXEC)
#else
#define PASSING (O_RDONLY | O_DIRECTORY | NOFOLLOW | O_CLOEXEC)
#endif
#ifndef AT_NO_AUTOMOUNT
#define AT_NO_AUTOMOUNT 0
#endif

#define SMALLEST_ENTRY 24 /* bytes of a directory entry with a name of one, struct linux_dirent64 */
#define LONGEST_PATH 4000 /* bytes for one openat2(2), below PATH_MAX (4096) with room to spare */
#define MOST_ATTEMPTS 8   /* of a call the kernel could not settle because of a rename (EAGAIN) */
#define LATEST 9000000000 /* seconds since the epoch that fit into 64 bits as nanoseconds */
#define BLOCK 512         /* bytes in a unit of st_blocks, stat(3type) */
#ifdef CLEANUP_NODEMODULE_TESTING
#define LISTING 1024 /* so that small directories come in several pieces */
#define WIDEST 4096
#else
#define LISTING 65536     /* bytes of directory entries asked for at once */
#define WIDEST (4 << 20)  /* of those that are sorted at once, at most */
#endif
#define LONGEST_READING 200000000 /* nanoseconds for that; being stopped waits for it */
#define MOST_REFUSED 20   /* entries of one directory named for each reason they were not deleted */
#define BATCHES 8         /* parts that a directory too large for one call is cut into at a time */
#define BATCH 65536       /* bytes of names in such a part, as some for each worker wait in memory */
#define PATH_SHARE 64     /* bytes of the path for each name in it: however long the path, in all it is little */
#ifdef CLEANUP_NODEMODULE_TESTING
#define MOST_MET 256
#else
#define MOST_MET (1 << 20) /* bytes of paths of directories met in one of them before these are dealt with */
#endif
#define LINK_FIELDS 5     /* as in contract.py */

/* Where openat2(2) turns out to be missing, or forbidden by a filter, no call asks again. */
static atomic_int openat2_works = 1;

/* ---- Memory ----------------------------------------------------------------------------------- */

#ifdef CLEANUP_NODEMODULE_TESTING
/* The build that CI puts through its paces can make any allocation fail, and counts what is held. */
static atomic_long allocations_until_failure = -1;
static atomic_long held;

static void *
resize(void *old, size_t size)
{
    if (allocations_until_failure >= 0 && atomic_fetch_sub(&allocations_until_failure, 1) == 0) {
        allocations_until_failure = -1;
        return NULL;
    }
    void *new = realloc(old, size);
    if (new != NULL && old == NULL) {
        held++;
    }
    return new;
}

static void
release(void *memory)
{
    if (memory != NULL) {
        held--;
    }
    free(memory);
}
#else
#define resize realloc
#define release free
#endif

/* Bytes that grow at the end. */
typedef struct {
    char *data;
    size_t used;
    size_t room;
} Buffer;

/* Make room for `more` bytes behind those in use; -1 if there is no memory. */
static int
reserve(Buffer *buffer, size_t more)
{
    if (more <= buffer->room - buffer->used) {
        return 0;
    }
    if (more > SIZE_MAX / 2 - buffer->used) {
        return -1;
    }
    size_t room = buffer->room * 2 > 256 ? buffer->room * 2 : 256;
    if (room < buffer->used + more) {
        room = buffer->used + more;
    }
    char *data = resize(buffer->data, room);
    if (data == NULL) {
        return -1;
    }
    buffer->data = data;
    buffer->room = room;
    return 0;
}

static int
append(Buffer *buffer, const void *bytes, size_t length)
{
    if (reserve(buffer, length) < 0) {
        return -1;
    }
    if (length > 0) {
        memcpy(buffer->data + buffer->used, bytes, length);
        buffer->used += length;
    }
    return 0;
}

static void
empty(Buffer *buffer)
{
    release(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

/* ---- Paths ------------------------------------------------------------------------------------ */

/* Several paths, one behind the other in memory, with a number each: for `remove`, how many of the
 * directories around it are to be removed once it is gone. */
typedef struct {
    Buffer bytes;
    Buffer entries;
} Paths;

typedef struct {
    size_t start;
    size_t duty;
    unsigned long group; /* of inodes, where it is told */
} PathEntry;

static size_t
path_count(const Paths *paths)
{
    return paths->entries.used / sizeof(PathEntry);
}

static PathEntry *
path_entry(const Paths *paths, size_t number)
{
    return (PathEntry *)(void *)paths->entries.data + number;
}

/* Forget all paths but the first `count`. */
static void
cut_paths(Paths *paths, size_t count)
{
    if (count < path_count(paths)) {
        paths->bytes.used = path_entry(paths, count)->start;
        paths->entries.used = count * sizeof(PathEntry);
    }
}

/* Add directory + "/" + name, or either where the other is empty; -1 if there is no memory. */
static int
push_path(Paths *paths, const char *directory, size_t directory_length, const char *name,
          size_t name_length, size_t duty)
{
    PathEntry entry = {paths->bytes.used, duty, 0};
    if (reserve(&paths->bytes, directory_length + name_length + 1) < 0 ||
        append(&paths->entries, &entry, sizeof entry) < 0) {
        return -1;
    }
    append(&paths->bytes, directory, directory_length);
    if (directory_length > 0 && name_length > 0) {
        append(&paths->bytes, "/", 1);
    }
    append(&paths->bytes, name, name_length);
    return 0;
}

/* Add an entry as it is given to a call, whatever is in it. */
static int
push_bytes(Paths *paths, const Buffer *entry)
{
    return push_path(paths, entry->data, entry->used, "", 0, 0);
}

static void
empty_paths(Paths *paths)
{
    empty(&paths->bytes);
    empty(&paths->entries);
}

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

/* ---- A call under way ------------------------------------------------------------------------- */

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

/* ---- Opening beneath a root ------------------------------------------------------------------- */

/* The status of what is open; -1 with errno. */
static int
read_open_status(int descriptor, struct stat *found)
{
    int result;
    do {
        result = fstat(descriptor, found);
    } while (result < 0 && errno == EINTR);
    return result;
}

/* Open `path` beneath `directory` in one call, retried while the kernel asks for that. */
static int
open_step(int directory, const char *path, int flags, uint64_t resolve, int use_openat2)
{
    int descriptor = -1;
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt += errno == EAGAIN) {
#ifdef HAVE_OPENAT2
        if (use_openat2) {
            struct how how = {(uint64_t)(unsigned)flags, 0, resolve};
            descriptor = (int)syscall(NR_OPENAT2, directory, path, &how, sizeof how);
        }
        else
#endif
        {
            (void)resolve;
            (void)use_openat2;
            descriptor = openat(directory, path, flags);
        }
        if (descriptor >= 0 || (errno != EINTR && errno != EAGAIN)) {
            break;
        }
    }
    return descriptor;
}

/* Close without losing errno. Linux releases the descriptor even where close(2) fails. */
static void
let_go(int descriptor)
{
    int kept = errno;
    if (descriptor >= 0) {
        close(descriptor);
    }
    errno = kept;
}

/* Open `path` beneath `start` in as few steps as it takes; never closes `start`.
 *
 * The path is cut in place, and put together again. Returns -1 with errno. */
static int
open_steps(const Walk *walk, int start, char *path, size_t length, int flags, uint64_t resolve)
{
    size_t longest = walk->openat2 ? LONGEST_PATH : LONGEST_STEP;
    int current = start;
    char *from = path;
    char *end = path + length;
    for (;;) {
        char *cut = end;
        if ((size_t)(end - from) > longest) {
            for (cut = from + longest; cut > from && *cut != '/'; cut--) {
            }
            if (cut == from) {
                cut = memchr(from, '/', (size_t)(end - from));
                cut = cut == NULL ? end : cut;
            }
        }
        char kept = *cut;
        *cut = '\0';
        int next = open_step(current, from, flags, resolve, walk->openat2);
        *cut = kept;
        if (current != start) {
            let_go(current);
        }
        if (next < 0) {
            return -1;
        }
        current = next;
        if (cut == end) {
            return current;
        }
        from = cut + 1;
    }
}

/* Return what was opened, if anything was, and if it is on the same device as the root; -1 with errno. Its
 * status is read on the way. */
static int
on_device(const Walk *walk, int descriptor, struct stat *found)
{
    if (descriptor < 0) {
        return -1;
    }
    int result = read_open_status(descriptor, found);
    if (result == 0 && found->st_dev == walk->device) {
        return descriptor;
    }
    int number = result < 0 ? errno : EXDEV;
    let_go(descriptor);
    errno = number;
    return -1;
}

/* Open the directory path[:length], which is writable, beneath the root, on the same mount. */
static int
open_beneath(const Walk *walk, char *path, size_t length, int flags)
{
    if (length == 0) {
        return open_step(walk->root, ".", flags, SAME_MOUNT, walk->openat2);
    }
    int descriptor = open_steps(walk, walk->root, path, length, flags, SAME_MOUNT);
    struct stat found;
    return walk->openat2 ? descriptor : on_device(walk, descriptor, &found);
}

/* The same for what is to be deleted from: a subvolume of btrfs is no mount point, so openat2(2) lets it pass.
 * Who measures has seen what device it is on before. */
static int
open_to_change(const Walk *walk, char *path, size_t length, int flags, struct stat *found)
{
    return on_device(walk, open_beneath(walk, path, length, flags), found);
}

/* How much of the path is that of the directory it lies in; its last name begins at `*name`. */
static size_t
parent_length(const char *path, size_t length, const char **name)
{
    size_t start = length;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    *name = path + start;
    return start > 0 ? start - 1 : 0;
}

static void
forget_around(Around *around)
{
    let_go(around->descriptor);
    around->descriptor = -1;
}

/* Keep a directory open, which takes the descriptor over; without memory it is closed. */
static void
keep_around(Around *around, int descriptor, const char *path, size_t length)
{
    let_go(around->descriptor);
    around->descriptor = descriptor;
    around->length = length;
    around->path.used = 0;
    if (append(&around->path, path, length) < 0 || append(&around->path, "", 1) < 0) {
        forget_around(around);
    }
}

static int
is_around(const Around *around, const char *path, size_t length)
{
    return around->descriptor >= 0 && around->length == length &&
           memcmp(around->path.data, path, length) == 0;
}

/* Open walk->path to read it, through the directory it lies in if that is kept open. */
static int
open_to_read(const Walk *walk)
{
    const char *name;
    size_t length = parent_length(walk->path.data, walk->path_length, &name);
    /* Without openat2(2) the device would have to be looked at, too. */
    if (walk->openat2 && walk->path_length > 0 && is_around(&walk->around, walk->path.data, length)) {
        return open_step(walk->around.descriptor, name, FLAGS, SAME_MOUNT, 1);
    }
    return open_beneath(walk, walk->path.data, walk->path_length, FLAGS);
}

/* Whether openat2(2) can be used; -1 with errno if that cannot be told just now. Then nothing may be
 * opened without it either: bind mounts of the same file system would not be seen. */
static int
can_openat2(void)
{
#ifdef HAVE_OPENAT2
    if (openat2_works) {
        int probe = open_step(AT_FDCWD, "/", PASSING, NO_MAGICLINKS, 1);
        if (probe >= 0) {
            let_go(probe);
            return 1;
        }
        if (errno != ENOSYS && errno != EPERM && errno != EINVAL && errno != E2BIG) {
            return -1;
        }
        openat2_works = 0;
    }
#endif
    return 0;
}

/* Open the root and what it lies in, and check that it is the inode it is said to be.
 *
 * `path` is absolute, writable, and ends with a NUL. Returns -1 with errno. */
static int
open_tree(Walk *walk, char *path, size_t length, int mount_ok)
{
    walk->openat2 = can_openat2();
    if (walk->openat2 < 0) {
        return -1;
    }
    while (length > 0 && path[length - 1] == '/') {
        path[--length] = '\0';
    }
    char *name = length > 0 ? strrchr(path, '/') : NULL;
    if (length > 0 && name == NULL) {
        errno = EINVAL;
        return -1;
    }
    int top = open_step(AT_FDCWD, "/", PASSING, 0, 0);
    if (top < 0) {
        return -1;
    }
    if (name == NULL) {
        walk->parent = top;
        walk->root_name = "";
        walk->root = open_step(AT_FDCWD, "/", FLAGS, 0, 0);
    }
    else {
        *name++ = '\0';
        walk->root_name = name;
        char *start = path + strspn(path, "/");
        if (*start == '\0') {
            walk->parent = top;
        }
        else {
            walk->parent = open_steps(walk, top, start, strlen(start), PASSING, CONFINED);
            let_go(top);
            if (walk->parent < 0) {
                return -1;
            }
        }
        uint64_t resolve = mount_ok ? CONFINED : SAME_MOUNT;
        walk->root = open_step(walk->parent, name, FLAGS, resolve, walk->openat2);
    }
    if (walk->root < 0) {
        return -1;
    }
    struct stat found;
    if (read_open_status(walk->root, &found) < 0) {
        return -1;
    }
    if (found.st_dev != walk->device || found.st_ino != walk->inode) {
        errno = ESTALE;
        return -1;
    }
    if (!mount_ok && !walk->openat2) {
        if (read_open_status(walk->parent, &found) < 0) {
            return -1;
        }
        if (found.st_dev != walk->device) {
            errno = EXDEV;
            return -1;
        }
    }
    return 0;
}

/* ---- What is not looked at ---------------------------------------------------------------------- */

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

/* ---- Reading status and directories ----------------------------------------------------------- */

typedef struct {
    mode_t mode;
    uid_t owner;
    dev_t device;
    uint64_t inode;
    uint64_t links;
    int64_t size;
    int64_t blocks;
    int64_t modified; /* seconds */
    int64_t changed;  /* nanoseconds */
} Status;

static void
from_stat(Status *status, const struct stat *found)
{
    status->mode = found->st_mode;
    status->owner = found->st_uid;
    status->device = found->st_dev;
    status->inode = found->st_ino;
    status->links = found->st_nlink;
    status->size = found->st_size;
    status->blocks = found->st_blocks;
    status->modified = found->st_mtime;
#if defined(__APPLE__)
    const struct timespec *changed = &found->st_ctimespec;
#else
    const struct timespec *changed = &found->st_ctim;
#endif
    /* What lies beyond the year 2262 does not fit, and is told from everything else all the same. */
    int64_t seconds = changed->tv_sec;
    seconds = seconds > LATEST ? LATEST : seconds < -LATEST ? -LATEST : seconds;
    status->changed = seconds * 1000000000 + changed->tv_nsec;
}

/* Read the status of `name` in `directory` itself, never of what it leads to; -1 with errno.
 *
 * fstatat(2) rather than statx(2): asked for the fields that are needed here, the latter took a tenth
 * longer an entry on ext4 with a warm cache, and they are the ones a network file system has to fetch
 * for either. */
static int
read_status(int directory, const char *name, Status *status)
{
    struct stat found;
    int result;
    do {
        result = fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
    } while (result < 0 && errno == EINTR);
    if (result < 0) {
        return -1;
    }
    from_stat(status, &found);
    return 0;
}

#ifdef __linux__
/* Of statfs(2); the first is that of ext2 and ext3, too. */
#define EXT4 0xEF53
#define XFS 0x58465342
#define TMPFS 0x01021994
#define BTRFS 0x9123683E

/* What kind of file system the root is on; 0 if that cannot be told. */
static uint32_t
kind_of_system(const Walk *walk)
{
    struct statfs system;
    int result;
    do {
        result = fstatfs(walk->root, &system);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? 0 : (uint32_t)system.f_type;
}
#endif

/* A directory being read. */
typedef struct {
    int descriptor;
    const char *name; /* of the entry read last */
    unsigned char type;
    uint64_t inode;
    int64_t next; /* where what was not read yet begins, for lseek(2); negative if there is no saying */
    int removing; /* the directory is to be removed when nothing is left in it */
#ifdef ON_LINUX
    Walk *walk;
    Place *places;
    Place *sorting;
    size_t at;
    size_t have; /* places */
    int64_t end; /* behind the last of them */
#else
    DIR *stream;
#endif
} Listing;

#ifdef ON_LINUX
/* What getdents64(2) fills a buffer with. */
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
/* The entry at a place. */
static const struct entry64 *
entry_at(const Listing *listing, Place place)
{
    return (const void *)(listing->walk->listing + (place & ((1 << OFFSET_BITS) - 1)));
}

/* Sort the places by the numbers of their inodes, which lie at most `range` apart: few by insertion, many
 * digit by digit. qsort(3) took a twentieth of the time of the whole walk. */
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

/* Read a piece of a directory behind what was read of it before; as getdents64(2) returns. */
static long
read_piece(const Listing *listing, size_t before)
{
    long got;
    do {
        got = syscall(SYS_getdents64, listing->descriptor, listing->walk->listing + before, LISTING);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Make room for as much as may be sorted at once; 0 if that is of no use, or there is no memory. */
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

/* Read on in a directory; 1 if there is more, 0 at the end, -1 with errno.
 *
 * ext4 lists by a hash of the names, and inodes lie on the disk by their number: looked at in that
 * order, each block of them is read once and the disk goes one way (fts.c in coreutils sorts for the
 * same reason). With nothing cached, one thread's requests to the disk for 530,000 entries were more than
 * a mebibyte apart 12,500 times rather than 18,900; where nothing has to turn for that, it makes no
 * difference that could be measured.
 *
 * Not so for deleting, which changes those blocks and has each change written down. The more of a large
 * directory is sorted at once, the more of a block's sixteen inodes are deleted one after the other: of
 * 200,000 files, one thread deleted those listed in 64 KiB in 1.5 times what rm took, which sorts 100,000 at
 * once, and two threads those listed in 4 MiB in 0.83. */
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
            got += piece > 0 ? piece : 0; /* What cannot be read now cannot be later on either. */
        }
    }
    listing->places = walk->places;
    listing->sorting = walk->places + MOST_PLACES(walk->room);
    if (got <= 0) {
        /* ENOENT: it was removed since it was opened (getdents(2)), so nothing is left in it. */
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
    /* Numbers further apart than that say nothing of a place on a disk. */
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

/* Read the next entry but "." and ".."; 1 if there is one, 0 at the end, -1 with errno. */
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

/* Whether a directory that has the other parts of a git repository without a work tree is one: git wants
 * to see these three (setup.c, is_git_directory). HEAD may be a symlink, as git itself once made it, and so may
 * the others, for objects on another disk. Nothing is followed to see what they are. */
static int
is_bare_repository(const Walk *walk, int directory)
{
    Status status;
    /* What is mounted there may be a HEAD. */
    return is_closed(walk, "HEAD") || (read_status(directory, "HEAD", &status) == 0 &&
                                       (S_ISREG(status.mode) || S_ISLNK(status.mode)));
}

/* Whether `name` is one of the other parts, if it is of that kind. */
static int
is_repository_part_of(mode_t kind, const char *name)
{
    return (S_ISDIR(kind) || S_ISLNK(kind)) &&
           (strcmp(name, "objects") == 0 || strcmp(name, "refs") == 0);
}
#define REPOSITORY_PARTS 2

#ifdef ON_LINUX
/* Whether an open directory has them. */
static int
has_repository_parts(const Walk *walk, int directory)
{
    static const char *const parts[REPOSITORY_PARTS] = {"objects", "refs"};
    Status status;
    int has = 0;
    for (int part = 0; part < REPOSITORY_PARTS; part++) {
        has += is_closed(walk, parts[part]) ||
               (read_status(directory, parts[part], &status) == 0 &&
                is_repository_part_of(status.mode, parts[part]));
    }
    return has == REPOSITORY_PARTS;
}
#endif

/* Whether what `owner` has in a directory is, by its sticky bit, not for this user to delete.
 *
 * Root is let by the kernel all the same; that is no reason to do it (inode(7)). */
static int
is_only_for_owner(const struct stat *around, uid_t owner, uid_t user)
{
    return (around->st_mode & S_ISVTX) != 0 && owner != around->st_uid && owner != user;
}

/* What opening a listed directory says when it has vanished or been replaced meanwhile. */
static int
is_gone(int number)
{
    return number == ENOENT || number == ENOTDIR || number == ELOOP;
}

/* ---- Beginning and ending a call -------------------------------------------------------------- */

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

/* What Python said, in C. */
typedef struct {
    Walk walk;
    Buffer root_path;
    long long budget;
    void *stack; /* Python's, which keeps alive what is given */
} Call;

static int
open_root(Call *call, int mount_ok)
{
    return open_tree(&call->walk, call->root_path.data, call->root_path.used - 1, mount_ok);
}

/* Leave everything that was not begun where it is: there is nothing to go on with. */
static void
drop_stack(Walk *walk)
{
    walk->given_left = 0;
    cut_paths(&walk->met, 0);
}

/* ---- find ------------------------------------------------------------------------------------- */

/* Names, found by their hash: open addressing, at most half full. */
typedef struct {
    void *names; /* Python's, which keeps the bytes alive */
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

/* Match a bracket expression at `*pattern`, which is behind the bracket, as Python's fnmatch does:
 * a "]" that comes first is itself, "!" negates. Returns -1 if there is no end: then it is a plain
 * bracket. */
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

/* Whether all of `name` fits the shell wildcard, byte by byte, a leading dot being nothing special.
 * After a mismatch only the last star can take more, so this takes no longer than their product. */
static int
fits(const char *pattern, const char *name)
{
    const char *after_star = NULL;
    const char *retry = NULL;
    while (*name != '\0') {
        const char *next = pattern + 1;
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
            matched = match_set(&next, (unsigned char)*name);
            if (matched < 0) {
                matched = *name == '[';
            }
        }
        else {
            matched = *pattern == *name;
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

/* What find is asked for. */
typedef struct {
    NameSet wanted;
    NameSet skipped;
    NameSet markers;
    const char **globs;
    size_t glob_count;
    void *given_globs; /* Python's, which keeps their bytes alive */
    ptrdiff_t min_depth;
} Query;

static int
is_wanted(const Query *query, const char *name)
{
    if (has_name(&query->wanted, name)) {
        return 1;
    }
    for (size_t number = 0; number < query->glob_count; number++) {
        if (fits(query->globs[number], name)) {
            return 1;
        }
    }
    return 0;
}

typedef struct {
    uint64_t device;
    uint64_t inode;
    int64_t changed;
    int mounted;
} HitEntry;

typedef struct {
    Paths paths;
    Buffer entries;
    long long directories;
} Hits;

/* Take down the directory walk->path/name, without a status if it is not looked at; -1 if there is no memory. */
static int
add_hit(Walk *walk, Hits *hits, const char *name, const Status *status)
{
    HitEntry hit = {0, 0, 0, 1};
    size_t name_length = strlen(name);
    size_t length = walk->path_length;
    if (status != NULL) {
        hit = (HitEntry){status->device, status->inode, status->changed,
                         status->device != walk->device};
    }
    if (!hit.mounted) {
        /* Not by NAME_MAX: file systems that store UTF-16 have longer names in UTF-8. */
        if (reserve(&walk->path, name_length + 2) < 0) {
            return -1;
        }
        if (name_length > 0) {
            if (length > 0) {
                walk->path.data[length++] = '/';
            }
            memcpy(walk->path.data + length, name, name_length + 1);
            length += name_length;
        }
        int probe = open_beneath(walk, walk->path.data, length, FLAGS);
        /* Any other error will be met, and said, when it is measured. */
        hit.mounted = probe < 0 && errno == EXDEV;
        let_go(probe);
        walk->path.data[walk->path_length] = '\0';
    }
    if (append(&hits->entries, &hit, sizeof hit) < 0) {
        return -1;
    }
    if (push_path(&hits->paths, walk->path.data, walk->path_length, name, name_length, 0) < 0) {
        hits->entries.used -= sizeof hit;
        return -1;
    }
    return 0;
}

static void
cut_hits(Hits *hits, size_t count)
{
    cut_paths(&hits->paths, count);
    hits->entries.used = count * sizeof(HitEntry);
}

/* What the entry that was read is, as far as it matters: S_IFDIR, S_IFLNK, or 0; -1 with errno if there is no
 * telling. */
static int
kind_of_entry(const Walk *walk, const Listing *listing)
{
    if (listing->type == DT_UNKNOWN && is_closed(walk, listing->name)) {
        return S_IFDIR;
    }
    if (listing->type != DT_UNKNOWN) {
        return listing->type == DT_DIR ? S_IFDIR : listing->type == DT_LNK ? S_IFLNK : 0;
    }
    Status status;
    if (read_status(listing->descriptor, listing->name, &status) < 0) {
        return errno == ENOENT ? 0 : -1;
    }
    return S_ISDIR(status.mode) ? S_IFDIR : S_ISLNK(status.mode) ? S_IFLNK : 0;
}

/* Whether the links of a directory say how many directories are in it: each has a ".." there.
 *
 * Only where the file system is known to keep count; others give every directory one link (btrfs, overlay
 * where layers meet) or two. ext4 gives one where there are more than it can count to ("dir_nlink",
 * ext4(5)). find(1) goes by the same (fts.c, leaf_optimization). */
static int
do_links_tell(const Walk *walk)
{
#ifdef __linux__
    switch (kind_of_system(walk)) {
    case EXT4:
    case XFS:
    case TMPFS:
        return 1;
    default:
        return 0;
    }
#else
    (void)walk;
    return 0;
#endif
}

/* Whether an open directory has no directory in it, for sure. */
static int
is_leaf(const Walk *walk, int directory)
{
    struct stat found;
    return walk->links_tell && read_open_status(directory, &found) == 0 && found.st_nlink == 2 &&
           found.st_dev == walk->device;
}

/* Search one open directory; returns the entries it had, as far as they had to be read. */
static long long
search_directory(Walk *walk, const Query *query, Hits *hits, int directory)
{
    size_t depth = walk->path_length > 0;
    for (size_t at = 0; at < walk->path_length; at++) {
        depth += walk->path.data[at] == '/';
    }
    int deep = (ptrdiff_t)depth >= query->min_depth;
    int tagged = walk->path_length > 0 && !walk->duty && (ptrdiff_t)depth > query->min_depth;
    size_t met = path_count(&walk->met);
    size_t hit = path_count(&hits->paths);
    long long entries = 0;
    int marked = 0;
    int parts = 0;
    int more;
    Listing listing;
    /* A marker is a file, and symlinks may make a repository. */
    if (!(tagged && query->markers.slots != NULL) && !has_name(&query->wanted, ".git") &&
        is_leaf(walk, directory)) {
        return 0;
    }
    if (begin_listing(walk, &listing, directory) < 0) {
        fault_here(walk, errno, "read");
        return 0;
    }
    while ((more = next_entry(&listing)) > 0) {
        entries++;
        int kind = kind_of_entry(walk, &listing);
        if (kind < 0) {
            fault_at(walk, listing.name, errno, "stat");
            continue;
        }
        parts += is_repository_part_of((mode_t)kind, listing.name);
        if (kind != S_IFDIR) {
            marked = marked || (tagged && has_name(&query->markers, listing.name));
            continue;
        }
        if (has_name(&query->skipped, listing.name)) {
            continue;
        }
        int failed = 0;
        int closed = is_closed(walk, listing.name);
        if (deep && is_wanted(query, listing.name)) {
            Status status;
            if (!closed && read_status(directory, listing.name, &status) < 0) {
                if (errno != ENOENT) {
                    fault_at(walk, listing.name, errno, "stat");
                }
                continue;
            }
            failed = add_hit(walk, hits, listing.name, closed ? NULL : &status);
        }
        else if (!closed) {
            failed = push_path(&walk->met, walk->path.data, walk->path_length, listing.name,
                               strlen(listing.name), 0);
        }
        if (failed) {
            fault_at(walk, listing.name, ENOMEM, "search");
        }
    }
    if (more < 0) {
        /* What was read before the error stands; what was not is said to be missing. */
        fault_here(walk, errno, "read");
    }
    else if (parts == REPOSITORY_PARTS && is_bare_repository(walk, directory)) {
        /* A bare repository: its branches may be called anything, dist for one. */
        cut_paths(&walk->met, met);
        cut_hits(hits, hit);
        marked = has_name(&query->wanted, ".git");
    }
    if (more >= 0 && marked) {
        /* The whole directory is a hit, and what was met inside belongs to it. */
        struct stat found;
        Status status;
        cut_paths(&walk->met, met);
        cut_hits(hits, hit);
        if (read_open_status(directory, &found) < 0) {
            fault_here(walk, errno, "stat");
        }
        else {
            from_stat(&status, &found);
            if (add_hit(walk, hits, "", &status) < 0) {
                fault_here(walk, ENOMEM, "search");
            }
        }
    }
    end_listing(&listing);
    return entries;
}

static void
search(Call *call, const Query *query, Hits *hits)
{
    Walk *walk = &call->walk;
    if (open_root(call, 1) < 0) {
        fault_here(walk, errno, "open");
        drop_stack(walk);
        return;
    }
    walk->links_tell = do_links_tell(walk);
    while (call->budget > 0) {
        int taken = next_path(walk);
        if (taken <= 0) {
            walk->no_memory |= taken < 0;
            break;
        }
        int directory = open_to_read(walk);
        if (directory < 0) {
            if (!is_gone(errno) && errno != EXDEV) {
                fault_here(walk, errno, "open");
            }
            continue;
        }
        size_t met = path_count(&walk->met);
        hits->directories++;
        call->budget -= search_directory(walk, query, hits, directory) + 1;
        be_through(walk, directory, met);
    }
}

/* ---- measure ---------------------------------------------------------------------------------- */

/* A sum of sizes, each of which may be the largest there is: a sparse file takes nothing to make. */
typedef struct {
    uint64_t low;
    int64_t high;
} Wide;

static void
add(Wide *sum, int64_t number)
{
    uint64_t low = sum->low + (uint64_t)number;
    sum->high += (low < sum->low) - (number < 0);
    sum->low = low;
}

static void
subtract(Wide *sum, int64_t number)
{
    uint64_t low = sum->low - (uint64_t)number;
    sum->high -= (low > sum->low) - (number < 0);
    sum->low = low;
}

typedef struct {
    Wide apparent;
    Wide blocks;
    Wide directory_blocks; /* of those */
    int64_t files;
    int64_t directories;
    int64_t newest;
    Buffer links;
    Paths mounts;
    Paths repositories;
    Paths foreign;
    const struct stat *around; /* the directory being counted, if nothing foreign in it was named yet */
    uid_t user;
} Sums;

static void
count_status(Sums *sums, const Status *status)
{
    add(&sums->apparent, status->size);
    add(&sums->blocks, status->blocks);
    if (status->modified > sums->newest) {
        sums->newest = status->modified;
    }
}

/* Take down walk->path, or what is called `name` in it; without memory, that something is missing. */
static void
note_path(Walk *walk, Paths *paths, const char *name)
{
    if (push_path(paths, walk->path.data, walk->path_length, name, strlen(name), 0) < 0) {
        fault_at(walk, name, ENOMEM, "read");
    }
}

/* Count the entry `name` of an open directory. */
static void
count_entry(Walk *walk, Sums *sums, int directory, const char *name, int *parts)
{
    Status status;
    if (is_closed(walk, name)) {
        /* Whatever it is, it may make this a repository. */
        *parts += is_repository_part_of(S_IFDIR, name);
        if (strcmp(name, ".git") == 0) {
            note_path(walk, &sums->repositories, "");
        }
        return;
    }
    if (read_status(directory, name, &status) < 0) {
        if (errno != ENOENT) {
            fault_at(walk, name, errno, "stat");
        }
        return;
    }
    if (sums->around != NULL && is_only_for_owner(sums->around, status.owner, sums->user)) {
        note_path(walk, &sums->foreign, name);
        sums->around = NULL;
    }
    *parts += is_repository_part_of(status.mode, name);
    if (S_ISDIR(status.mode)) {
        if (strcmp(name, ".git") == 0) {
            note_path(walk, &sums->repositories, "");
        }
        if (status.device != walk->device) {
            note_path(walk, &sums->mounts, name);
            return;
        }
        /* The slash says that it has the sticky bit. */
        if (push_path(&walk->met, walk->path.data, walk->path_length, name, strlen(name),
                      (status.mode & S_ISVTX) != 0) < 0) {
            fault_at(walk, name, ENOMEM, "read");
        }
        sums->directories++;
        add(&sums->directory_blocks, status.blocks);
    }
    else {
        sums->files++;
        if (strcmp(name, ".git") == 0) {
            note_path(walk, &sums->repositories, "");
        }
        if (status.links > 1) {
            uint64_t record[LINK_FIELDS] = {status.device, status.inode, status.links,
                                            (uint64_t)status.size,
                                            (uint64_t)status.blocks * BLOCK};
            if (append(&sums->links, record, sizeof record) < 0) {
                fault_at(walk, name, ENOMEM, "read");
            }
            if (status.modified > sums->newest) {
                sums->newest = status.modified;
            }
            return;
        }
    }
    count_status(sums, &status);
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

/* Count what an open directory holds; returns how many entries that were. */
static long long
measure_directory(Walk *walk, Sums *sums, int directory, long long most)
{
    long long entries = 0;
    int parts = 0;
    size_t met = path_count(&walk->met);
    size_t before = walk->met.bytes.used;
    if (has_names(walk)) {
        for (size_t at = 0; at < walk->rest.used;) {
            count_entry(walk, sums, directory, walk->rest.data + at, &parts);
            entries++;
            at += strlen(walk->rest.data + at) + 1;
            if (leave_names(walk, at, met, before)) {
                break;
            }
        }
        return entries;
    }
    Listing listing;
    if (go_on(walk, directory) < 0 || begin_listing(walk, &listing, directory) < 0) {
        fault_here(walk, errno, "read");
        return 0;
    }
    int more;
    while ((more = next_entry(&listing)) > 0) {
        count_entry(walk, sums, directory, listing.name, &parts);
        entries++;
#ifdef ON_LINUX
        if (entries >= most || are_enough(walk, before)) {
            /* No part sees all of it, so what all of them together would show is asked for here. */
            parts = has_repository_parts(walk, directory) ? REPOSITORY_PARTS : 0;
            share_out(walk, &listing, most, are_enough(walk, before) ? met : path_count(&walk->met),
                      BATCHES);
            more = 0;
            break;
        }
#endif
    }
    (void)most;
    if (more < 0) {
        fault_here(walk, errno, "read");
    }
    /* Whoever began with the directory has seen to that, not who goes on with it. */
    if (walk->rest.used == 0 && parts == REPOSITORY_PARTS && is_bare_repository(walk, directory)) {
        note_path(walk, &sums->repositories, "");
    }
    end_listing(&listing);
    return entries;
}

/* A directory turned out to be a mount point of the same file system: it is not part of this. */
static void
take_back(Walk *walk, Sums *sums)
{
    note_path(walk, &sums->mounts, "");
    if (walk->rest.used > 0) {
        return; /* Of a directory that is counted in parts, the first part has counted it. */
    }
    const char *name;
    size_t above = parent_length(walk->path.data, walk->path_length, &name);
    int parent = open_beneath(walk, walk->path.data, above, PASSING);
    Status status;
    if (parent >= 0 && read_status(parent, name, &status) == 0) {
        sums->directories--;
        subtract(&sums->apparent, status.size);
        subtract(&sums->blocks, status.blocks);
        subtract(&sums->directory_blocks, status.blocks);
    }
    let_go(parent);
}

/* Count the root itself. */
static void
measure_root(Walk *walk, Sums *sums)
{
    struct stat found, around;
    Status status;
    if (read_open_status(walk->root, &found) < 0) {
        fault_here(walk, errno, "stat");
        return;
    }
    from_stat(&status, &found);
    count_status(sums, &status);
    sums->directories++;
    add(&sums->directory_blocks, status.blocks);
    walk->duty = (found.st_mode & S_ISVTX) != 0;
    if (read_open_status(walk->parent, &around) == 0 &&
        is_only_for_owner(&around, found.st_uid, sums->user)) {
        note_path(walk, &sums->foreign, "");
    }
}

static void
measure(Call *call, Sums *sums)
{
    Walk *walk = &call->walk;
    long long most = call->budget;
    walk->by_inode = 1;
    if (open_root(call, 0) < 0) {
        if (errno == EXDEV) {
            note_path(walk, &sums->mounts, "");
        }
        else if (errno != ENOENT) {
            fault_here(walk, errno, "open");
        }
        drop_stack(walk);
        return;
    }
    while (call->budget > 0) {
        int taken = next_path(walk);
        if (taken <= 0) {
            walk->no_memory |= taken < 0;
            break;
        }
        int directory = open_to_read(walk);
        if (directory < 0) {
            if (errno == EXDEV) {
                take_back(walk, sums);
            }
            else if (!is_gone(errno)) {
                fault_here(walk, errno, "open");
            }
            continue;
        }
        if (walk->path_length == 0 && walk->rest.used == 0) {
            measure_root(walk, sums);
        }
        struct stat found;
        sums->around = walk->duty > 0 && read_open_status(directory, &found) == 0 ? &found : NULL;
        size_t met = path_count(&walk->met);
        call->budget -= measure_directory(walk, sums, directory, most) + 1;
        be_through(walk, directory, met);
    }
}

/* ---- remove ----------------------------------------------------------------------------------- */

typedef struct {
    int64_t files;
    int64_t directories;
    Wide blocks;
    Wide directory_blocks; /* of those */
    Paths blocked;
    Paths elsewhere;
    int root; /* it is gone, by this call */
    int foreign_too;
    uid_t user;
    struct stat top;           /* the root */
    const struct stat *around; /* the directory being emptied, if its sticky bit counts */
    /* Groups of inodes that are told apart; 0: none are. */
    unsigned long groups;
    unsigned long group;
    unsigned int shift; /* of an inode's number, to get the number of its group */
} Removed;

/* Entries of one directory that could not be deleted, for one reason. */
typedef struct {
    int number;
    const char *doing;
    size_t count;
} Refused;
#define REASONS 8 /* told apart; any others are named one by one */
#define DELETE "delete"
#define DELETE_FOREIGN "delete, as only its owner may," /* by the sticky bit */

/* Remove an entry; -1 with errno. */
static int
unlink_entry(int directory, const char *name, int flags)
{
    int interrupted = 0;
    for (;;) {
        if (unlinkat(directory, name, flags) == 0) {
            return 0;
        }
        if (errno != EINTR) {
            /* A file system in user space may have done it and been interrupted all the same. */
            return interrupted && errno == ENOENT ? 0 : -1;
        }
        interrupted = 1;
    }
}

/* A file with several names, one of which is being deleted by a call. Two calls that delete two names of one
 * file would both see that there is another one, and neither count what its last name gives back. So each
 * has its turn, and waits for nobody but whoever is at the very same file: on another disk, or another
 * file, the system may not answer for ever. Such calls are in a list, each on the stack of its thread; all
 * interpreters of the process share it. */
typedef struct turn {
    dev_t device;
    uint64_t inode;
    struct turn *next;
} Turn;
static Turn *turns;
static pthread_mutex_t turns_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_ended = PTHREAD_COND_INITIALIZER;

static int
is_taken(const Turn *turn)
{
    for (const Turn *other = turns; other != NULL; other = other->next) {
        if (other->inode == turn->inode && other->device == turn->device) {
            return 1;
        }
    }
    return 0;
}

static void
begin_turn(Turn *turn)
{
    pthread_mutex_lock(&turns_lock);
    while (is_taken(turn)) {
        pthread_cond_wait(&turn_ended, &turns_lock);
    }
    turn->next = turns;
    turns = turn;
    pthread_mutex_unlock(&turns_lock);
}

static void
end_turn(const Turn *turn)
{
    pthread_mutex_lock(&turns_lock);
    Turn **at = &turns;
    while (*at != turn) {
        at = &(*at)->next;
    }
    *at = turn->next;
    pthread_cond_broadcast(&turn_ended);
    pthread_mutex_unlock(&turns_lock);
}

/* Remove a file of which the status is known, and bring that up to date; -1 with errno. */
static int
unlink_file(int directory, const char *name, Status *status)
{
    if (status->links <= 1) {
        return unlink_entry(directory, name, 0);
    }
    Turn turn = {status->device, status->inode, NULL};
    begin_turn(&turn);
    int result = read_status(directory, name, status);
    if (result == 0) {
        result = unlink_entry(directory, name, 0);
    }
    int number = errno;
    end_turn(&turn);
    errno = number;
    return result;
}

/* Open `name` in an open directory that is `around`, unless only its owner may delete it; -1 with errno. */
static int
open_own(const Walk *walk, const Removed *removed, int directory, const struct stat *around,
         const char *name, int flags, struct stat *found, const char **doing)
{
    int next = on_device(walk, open_step(directory, name, flags, SAME_MOUNT, walk->openat2), found);
    if (next >= 0 && is_only_for_owner(around, found->st_uid, removed->user)) {
        let_go(next);
        next = -1;
        errno = EPERM;
        *doing = DELETE_FOREIGN;
    }
    return next;
}

/* Open path[:length], one directory after the other from the root on, and see that none lies in a sticky one
 * where only its owner may delete it. What was seen so when it was met may be another one by now: whoever owns
 * what is around has renamed it. It is kept open, and so is what to go on from. -1 with errno, and what for. */
static int
pass_to(Walk *walk, const Removed *removed, char *path, size_t length, const char **doing)
{
    Around *passed = &walk->passed;
    if (is_around(passed, path, length)) {
        return passed->descriptor;
    }
    struct stat found = removed->top;
    int start = walk->root;
    char *from = path;
    char *end = path + length;
    if (passed->descriptor >= 0 && passed->length > 0 && passed->length < length &&
        path[passed->length] == '/' && memcmp(passed->path.data, path, passed->length) == 0) {
        found = walk->passed_status;
        start = passed->descriptor;
        from += passed->length + 1;
    }
    int current = start;
    while (from <= end) {
        char *cut = memchr(from, '/', (size_t)(end - from));
        cut = cut == NULL ? end : cut;
        char kept = *cut;
        struct stat around = found;
        *cut = '\0';
        int next = open_own(walk, removed, current, &around, length == 0 ? "." : from, PASSING, &found, doing);
        *cut = kept;
        if (current != start) {
            let_go(current);
        }
        if (next < 0) {
            return -1;
        }
        current = next;
        from = cut + 1;
    }
    keep_around(passed, current, path, length);
    walk->passed_status = found;
    if (passed->descriptor < 0) {
        errno = ENOMEM;
    }
    return passed->descriptor;
}

/* Open walk->path to empty it; -1 with errno, and what for.
 *
 * It has to be the very directory that lies where nobody but its owner may delete it, seen by pass_to. By its whole
 * path it is opened all the same: what was moved out of the root since is not to be found there any more. Of an
 * ordinary user the kernel sees to what others own. */
static int
open_to_empty(Walk *walk, const Removed *removed, struct stat *found, const char **doing)
{
    int directory = open_to_change(walk, walk->path.data, walk->path_length, FLAGS, found);
    if (directory < 0 || removed->foreign_too || removed->user != 0 || walk->path_length == 0) {
        return directory;
    }
    const char *name;
    size_t above = parent_length(walk->path.data, walk->path_length, &name);
    for (int attempt = 0; attempt < 2; attempt++) {
        Status status;
        int around = pass_to(walk, removed, walk->path.data, above, doing);
        if (around >= 0 && read_status(around, name, &status) == 0) {
            if (is_only_for_owner(&walk->passed_status, status.owner, removed->user)) {
                errno = EPERM;
                *doing = DELETE_FOREIGN;
                break;
            }
            if (status.device == found->st_dev && status.inode == found->st_ino) {
                return directory;
            }
            errno = ENOENT;
        }
        if (!is_gone(errno)) {
            break;
        }
        /* What is around it was moved, since that was seen. */
        forget_around(&walk->passed);
    }
    let_go(directory);
    return -1;
}

/* Remove the empty directory path[:length], which is not the root; -1 with errno, and what for. */
static int
remove_beneath(Walk *walk, const Removed *removed, char *path, size_t length, int64_t *blocks,
               const char **doing)
{
    const char *name;
    size_t above = parent_length(path, length, &name);
    if (!is_around(&walk->around, path, above)) {
        struct stat found;
        int parent = open_to_change(walk, path, above, PASSING, &found);
        if (parent < 0) {
            return -1;
        }
        keep_around(&walk->around, parent, path, above);
        if (walk->around.descriptor < 0) {
            errno = ENOMEM;
            return -1;
        }
    }
    int parent = walk->around.descriptor;
    Status status;
    struct stat around;
    char kept = path[length];
    path[length] = '\0';
    int result = read_status(parent, name, &status);
    if (result == 0 && !removed->foreign_too && removed->user == 0) {
        if (status.owner != removed->user && status.owner != removed->top.st_uid) {
            /* It may be another one by now than was emptied, in a directory of somebody else's. */
            path[length] = kept;
            parent = pass_to(walk, removed, path, above, doing);
            path[length] = '\0';
            result = parent < 0 ? -1 : read_status(parent, name, &status);
        }
        result = result < 0 ? -1 : read_open_status(parent, &around);
        if (result == 0 && is_only_for_owner(&around, status.owner, removed->user)) {
            result = -1;
            errno = EPERM;
            *doing = DELETE_FOREIGN;
        }
    }
    if (result == 0) {
        result = unlink_entry(parent, name, AT_REMOVEDIR);
        *blocks = status.blocks;
    }
    path[length] = kept;
    return result;
}

/* Remove the root, if it is still that; -1 with errno. */
static int
remove_root(const Walk *walk, int64_t *blocks)
{
    Status status;
    if (*walk->root_name == '\0') {
        errno = EBUSY;
        return -1;
    }
    if (read_status(walk->parent, walk->root_name, &status) < 0) {
        return -1;
    }
    if (status.device != walk->device || status.inode != walk->inode) {
        errno = ESTALE;
        return -1;
    }
    *blocks = status.blocks;
    return unlink_entry(walk->parent, walk->root_name, AT_REMOVEDIR);
}

/* Remove walk->path, which has been emptied, and as many directories around it as its entry says.
 * Where one is not empty, another call may be at work beneath it, or somebody writes to it: that is
 * for whoever called to try again later. */
static void
remove_upwards(Call *call, Removed *removed)
{
    Walk *walk = &call->walk;
    size_t length = walk->path_length;
    for (;;) {
        int64_t blocks = 0;
        const char *doing = "remove the directory";
        int result = length > 0
                         ? remove_beneath(walk, removed, walk->path.data, length, &blocks, &doing)
                         : remove_root(walk, &blocks);
        walk->path.data[length] = '\0';
        walk->path_length = length;
        if (result == 0) {
            removed->directories++;
            removed->root |= length == 0;
            add(&removed->blocks, blocks);
            add(&removed->directory_blocks, blocks);
            call->budget--;
        }
        else if (errno == ENOTEMPTY || errno == EEXIST) {
            if (push_path(&removed->blocked, walk->path.data, length, "", 0, walk->duty) < 0) {
                fault_here(walk, ENOMEM, "remove the directory");
            }
            return;
        }
        else if (!is_gone(errno)) {
            fault_here(walk, errno, doing);
            return;
        }
        if (walk->duty == 0 || length == 0) {
            return;
        }
        walk->duty--;
        const char *name;
        length = parent_length(walk->path.data, length, &name);
        if (call->budget <= 0) {
            if (push_path(&walk->met, walk->path.data, length, "", 0, walk->duty) < 0) {
                fault_here(walk, ENOMEM, "remove the directory");
            }
            return;
        }
    }
}

/* Take down that an entry could not be deleted; beyond the first few, only their number. */
static void
refuse(Walk *walk, Refused *refused, const char *name, int number, const char *doing)
{
    int reason = 0;
    while (reason < REASONS && refused[reason].count > 0 &&
           (refused[reason].number != number || strcmp(refused[reason].doing, doing) != 0)) {
        reason++;
    }
    if (reason < REASONS) {
        refused[reason].number = number;
        refused[reason].doing = doing;
        if (refused[reason].count++ >= MOST_REFUSED) {
            return;
        }
    }
    fault_at(walk, name, number, doing);
}

/* Leave a directory for later: for this call, or for one that deletes in its group of inodes.
 *
 * -1 if there is no memory. */
static int
leave(Walk *walk, Removed *removed, const char *name, uint64_t inode)
{
    unsigned long group = removed->group;
    if (removed->groups > 0) {
        group = (unsigned long)((inode >> removed->shift) % removed->groups);
    }
    /* Others that have so much to do already are not waited for with even more in memory. */
    int is_ours = group == removed->group || removed->elsewhere.bytes.used > MOST_MET;
    Paths *paths = is_ours ? &walk->met : &removed->elsewhere;
    if (push_path(paths, walk->path.data, walk->path_length, name, strlen(name), 0) < 0) {
        return -1;
    }
    path_entry(paths, path_count(paths) - 1)->group = group;
    return 0;
}

/* Delete the entry `name` of an open directory; a directory goes onto the stack instead.
 *
 * Returns whether it stays, and with it the directory around it. */
static int
remove_entry(Call *call, Removed *removed, int directory, const char *name, int type,
             uint64_t inode, Refused *refused)
{
    Walk *walk = &call->walk;
    Status status;
    int is_directory = type == DT_DIR;
    int failed = 0;
    if (!is_directory || removed->around != NULL) {
        failed = read_status(directory, name, &status) < 0;
        is_directory = !failed && S_ISDIR(status.mode);
        inode = failed ? 0 : status.inode;
    }
    if (!failed && removed->around != NULL &&
        is_only_for_owner(removed->around, status.owner, removed->user)) {
        refuse(walk, refused, name, EPERM, DELETE_FOREIGN);
        return 1;
    }
    if (is_directory) {
        if (leave(walk, removed, name, inode) < 0) {
            fault_at(walk, name, ENOMEM, DELETE);
            return 1;
        }
        return 0;
    }
    if (!failed && unlink_file(directory, name, &status) == 0) {
        removed->files++;
        call->budget--;
        /* The last link to go is what gives the space back. */
        add(&removed->blocks, status.links <= 1 ? status.blocks : 0);
        return 0;
    }
    if (errno == ENOENT) {
        return 0;
    }
    refuse(walk, refused, name, errno, DELETE);
    return 1;
}

/* Delete what an open directory holds, but for directories, which go onto the stack.
 *
 * Returns whether the directory itself is to be removed now. */
static int
remove_entries(Call *call, Removed *removed, int directory, long long most)
{
    Walk *walk = &call->walk;
    size_t met = path_count(&walk->met);
    size_t before = walk->met.bytes.used;
    size_t elsewhere = path_count(&removed->elsewhere);
    Refused refused[REASONS];
    int stays = 0;
    int more = 0;
    int named = has_names(walk);
    Listing listing;
    if (is_at_end(walk)) {
        return 1;
    }
    memset(refused, 0, sizeof refused);
    if ((!named && go_on(walk, directory) < 0) ||
        begin_listing(walk, &listing, directory) < 0) {
        fault_here(walk, errno, "read");
        return 0;
    }
    listing.removing = 1;
    if (named) {
        for (size_t at = 0; at < walk->rest.used;) {
            remove_entry(call, removed, directory, walk->rest.data + at, DT_UNKNOWN, 0, refused);
            at += strlen(walk->rest.data + at) + 1;
            if (leave_names(walk, at, met, before)) {
                break;
            }
        }
    }
    else {
        while ((more = next_entry(&listing)) > 0) {
            stays |= remove_entry(call, removed, directory, listing.name, listing.type,
                                  listing.inode, refused);
#ifdef ON_LINUX
            if (call->budget <= 0 || are_enough(walk, before)) {
                break;
            }
#else
            /* Not where something was refused: it would be again, and again. */
            if (call->budget <= 0 && !stays) {
                break;
            }
#endif
        }
    }
    if (more < 0) {
        fault_here(walk, errno, "read");
        stays = 1;
    }
    for (int reason = 0; reason < REASONS; reason++) {
        if (refused[reason].count > MOST_REFUSED) {
            add_fault(walk, "", 0, refused[reason].number, refused[reason].doing,
                      refused[reason].count - MOST_REFUSED);
        }
    }
    if (more > 0) {
        /* The rest is for other calls. Where it goes on lies below the directories met here, as the
         * one who gets there is to remove this directory. */
#ifdef ON_LINUX
        /* All of it is for the same group, and that for one call at a time: the fewer names the better. And
         * while there is something left of the budget, no further than where another call can surely go on. */
        share_out(walk, &listing, most, met, removed->groups > 0 || call->budget > 0 ? 0 : BATCHES);
#else
        if (insert_rest(walk, met, listing.next) < 0) {
            fault_here(walk, ENOMEM, "delete");
        }
#endif
    }
    (void)most;
    end_listing(&listing);
    if (more > 0 || named || stays) {
        return 0;
    }
    /* Whoever is the last to be through with what is in here removes it: of what other calls are to do,
     * if there is any, that is the likelier. */
    PathEntry *last = path_count(&removed->elsewhere) > elsewhere
                          ? path_entry(&removed->elsewhere, elsewhere)
                      : path_count(&walk->met) > met ? path_entry(&walk->met, met)
                                                     : NULL;
    if (last != NULL) {
        last->duty = walk->duty + 1;
    }
    return last == NULL;
}

/* Whether the root itself is for this user to delete; otherwise that is said. */
static int
may_remove_root(Walk *walk, Removed *removed)
{
    struct stat around;
    if (read_open_status(walk->root, &removed->top) < 0 ||
        read_open_status(walk->parent, &around) < 0) {
        fault_here(walk, errno, "stat");
        return 0;
    }
    if (!removed->foreign_too && is_only_for_owner(&around, removed->top.st_uid, removed->user)) {
        fault_here(walk, EPERM, DELETE_FOREIGN);
        return 0;
    }
    return 1;
}

static void
remove_all(Call *call, Removed *removed)
{
    Walk *walk = &call->walk;
    long long most = call->budget;
    walk->by_inode = 1;
    walk->widely = -1;
    if (open_root(call, 0) < 0) {
        if (errno != ENOENT) {
            fault_here(walk, errno, "open");
        }
        drop_stack(walk);
        return;
    }
    if (!may_remove_root(walk, removed)) {
        drop_stack(walk);
        return;
    }
    while (call->budget > 0) {
        int taken = next_path(walk);
        if (taken <= 0) {
            walk->no_memory |= taken < 0;
            break;
        }
        struct stat found;
        const char *doing = "open";
        int directory = open_to_empty(walk, removed, &found, &doing);
        int emptied = 1;
        if (directory >= 0) {
            removed->around = removed->foreign_too || !(found.st_mode & S_ISVTX) ? NULL : &found;
            emptied = remove_entries(call, removed, directory, most);
            let_go(directory);
        }
        else if (!is_gone(errno)) {
            fault_here(walk, errno, doing);
            emptied = 0;
        }
        else {
            /* It may have been moved away with what is around it, which is somebody else's then. */
            forget_around(&walk->around);
            forget_around(&walk->passed);
            emptied = !has_names(walk);
        }
        if (emptied) {
            remove_upwards(call, removed);
        }
    }
}

/* ---- Between Python and C --------------------------------------------------------------------- */

/* Only from here on is there an interpreter. Nothing above can call it, as it is not declared there: all of
 * that may run without the lock of the interpreter, and in several interpreters at once. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* References are counted by functions (Py_DecRef) and not by the macros of the same kind: from Python 3.12 on
 * interpreters share what lives for ever (PEP 683), which the functions know, and macros as old as 3.11 would
 * write to. */
static void
clear(PyObject **reference)
{
    PyObject *old = *reference;
    *reference = NULL;
    Py_DecRef(old);
}

/* Return path + "/" * duty, for each path, behind what is in the list; -1 with an exception. */
static int
list_paths(PyObject *list, const Paths *paths)
{
    for (size_t number = 0; number < path_count(paths); number++) {
        const PathEntry *entry = path_entry(paths, number);
        size_t end = number + 1 < path_count(paths) ? entry[1].start : paths->bytes.used;
        size_t length = end - entry->start;
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(length + entry->duty));
        if (bytes == NULL) {
            return -1;
        }
        char *target = PyBytes_AsString(bytes);
        if (length > 0) {
            memcpy(target, paths->bytes.data + entry->start, length);
        }
        memset(target + length, '/', entry->duty);
        int failed = PyList_Append(list, bytes);
        Py_DecRef(bytes);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

static void
end_call(Call *call)
{
    Walk *walk = &call->walk;
    let_go(walk->root);
    let_go(walk->parent);
    forget_around(&walk->around);
    empty(&walk->around.path);
    forget_around(&walk->passed);
    empty(&walk->passed.path);
    Py_DecRef(call->stack);
    release(walk->given);
    release(walk->closed);
    empty_paths(&walk->met);
    empty(&walk->path);
    empty(&walk->rest);
    empty_paths(&walk->fault_paths);
    empty(&walk->faults);
    release(walk->listing);
    release(walk->places);
    empty(&call->root_path);
}

/* Take over what is not to be looked at, which the root keeps alive; -1 with an exception. */
static int
read_closed(Walk *walk, PyObject *closed)
{
    size_t count = closed == NULL ? 0 : (size_t)PyTuple_Size(closed);
    if (count == 0) {
        return 0;
    }
    walk->closed = resize(NULL, count * sizeof *walk->closed);
    if (walk->closed == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t number = 0; number < count; number++) {
        PyObject *item = PyTuple_GetItem(closed, (Py_ssize_t)number);
        if (!PyBytes_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "what is closed must be bytes");
            return -1;
        }
        walk->closed[walk->closed_count++] = PyBytes_AsString(item);
    }
    return 0;
}

/* Take over the arguments every function has; -1 with an exception. */
static int
begin_call(Call *call, PyObject *root, PyObject *stack, long long budget)
{
    memset(call, 0, sizeof *call);
    Walk *walk = &call->walk;
    walk->root = walk->parent = walk->around.descriptor = walk->passed.descriptor = walk->places_hold = -1;
    call->budget = budget;
    const char *path;
    Py_ssize_t length;
    unsigned long long device, inode;
    PyObject *closed = NULL;
    if (!PyTuple_Check(root)) {
        PyErr_SetString(PyExc_TypeError, "root must be a Root");
        return -1;
    }
    if (!PyArg_ParseTuple(root, "y#KK|O!;root must be a Root", &path, &length, &device, &inode,
                          &PyTuple_Type, &closed)) {
        return -1;
    }
    if (memchr(path, '\0', (size_t)length) != NULL) {
        PyErr_SetString(PyExc_ValueError, "embedded null byte in the path of the root");
        return -1;
    }
    walk->device = (dev_t)device;
    walk->inode = (ino_t)inode;
    call->stack = PySequence_Tuple(stack);
    if (call->stack == NULL) {
        return -1;
    }
    size_t count = (size_t)PyTuple_Size(call->stack);
    walk->given = count > 0 ? resize(NULL, count * sizeof *walk->given) : NULL;
    if (count > 0 && walk->given == NULL) {
        end_call(call);
        PyErr_NoMemory();
        return -1;
    }
    for (; walk->given_left < count; walk->given_left++) {
        PyObject *item = PyTuple_GetItem(call->stack, (Py_ssize_t)walk->given_left);
        if (!PyBytes_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "the stack must hold bytes");
            end_call(call);
            return -1;
        }
        walk->given[walk->given_left] = (Given){PyBytes_AsString(item), (size_t)PyBytes_Size(item)};
    }
    if (read_closed(walk, closed) < 0) {
        end_call(call);
        return -1;
    }
    walk->listing = resize(NULL, LISTING);
    walk->places = resize(NULL, 2 * MOST_PLACES(LISTING) * sizeof(Place));
    walk->room = LISTING;
    if (walk->listing == NULL || walk->places == NULL ||
        append(&call->root_path, path, (size_t)length) < 0 ||
        append(&call->root_path, "", 1) < 0 || reserve(&walk->path, 1) < 0) {
        end_call(call);
        PyErr_NoMemory();
        return -1;
    }
    walk->path.data[0] = '\0';
    return 0;
}

/* Return what is left of the stack, as a list. */
static PyObject *
left_of(const Call *call)
{
    const Walk *walk = &call->walk;
    PyObject *left = PyList_New(0);
    if (left == NULL) {
        return NULL;
    }
    for (size_t number = 0; number < walk->given_left; number++) {
        if (PyList_Append(left, PyTuple_GetItem(call->stack, (Py_ssize_t)number)) < 0) {
            Py_DecRef(left);
            return NULL;
        }
    }
    if (list_paths(left, &walk->met) < 0) {
        Py_DecRef(left);
        return NULL;
    }
    return left;
}

/* Return a list of what is in `paths`. */
static PyObject *
list_of(const Paths *paths)
{
    PyObject *list = PyList_New(0);
    if (list != NULL && list_paths(list, paths) < 0) {
        Py_DecRef(list);
        return NULL;
    }
    return list;
}

/* The classes of contract.py that results are made of. */
typedef struct {
    PyObject *finding, *found, *hit;
    PyObject *measurement, *usage;
    PyObject *removal, *counts;
    PyObject *fault;
} Classes;

/* Return what was being done, as text. */
static PyObject *
doing_of(const FaultEntry *entry)
{
    if (entry->more == 0) {
        return PyUnicode_FromString(entry->doing);
    }
    PyObject *number = PyLong_FromSize_t(entry->more);
    PyObject *count = number == NULL ? NULL : PyObject_CallMethod(number, "__format__", "s", ",");
    PyObject *text =
        count == NULL ? NULL : PyUnicode_FromFormat("%s %U more entries of", entry->doing, count);
    Py_DecRef(count);
    Py_DecRef(number);
    return text;
}

/* Return the faults, as a list. */
static PyObject *
faults_of(const Walk *walk, const Classes *classes)
{
    if (walk->no_memory) {
        return PyErr_NoMemory();
    }
    PyObject *paths = list_of(&walk->fault_paths);
    PyObject *faults = PyList_New(0);
    const FaultEntry *entries = (const void *)walk->faults.data;
    size_t count = walk->faults.used / sizeof *entries;
    if (paths == NULL || faults == NULL) {
        goto failed;
    }
    for (size_t number = 0; number < count; number++) {
        PyObject *doing = doing_of(entries + number);
        if (doing == NULL) {
            goto failed;
        }
        PyObject *fault =
            PyObject_CallFunction(classes->fault, "OiN", PyList_GetItem(paths, (Py_ssize_t)number),
                                  entries[number].number, doing);
        if (fault == NULL || PyList_Append(faults, fault) < 0) {
            Py_DecRef(fault);
            goto failed;
        }
        Py_DecRef(fault);
    }
    Py_DecRef(paths);
    return faults;
failed:
    Py_DecRef(paths);
    Py_DecRef(faults);
    return NULL;
}

/* Return what a function gives back: its own value (a new reference, or NULL with an exception),
 * what is left, the faults. */
static PyObject *
result_of(const Call *call, const Classes *classes, PyObject *class, PyObject *value)
{
    if (value == NULL) {
        return NULL;
    }
    PyObject *left = left_of(call);
    PyObject *faults = left == NULL ? NULL : faults_of(&call->walk, classes);
    PyObject *result = NULL;
    if (faults != NULL) {
        result = PyObject_CallFunctionObjArgs(class, value, left, faults, NULL);
    }
    Py_DecRef(faults);
    Py_DecRef(left);
    Py_DecRef(value);
    return result;
}

/* Return the sum times `unit`; NULL with an exception. */
static PyObject *
number_of(const Wide *sum, long unit)
{
    PyObject *high = PyLong_FromLongLong(sum->high);
    PyObject *low = PyLong_FromUnsignedLongLong(sum->low);
    PyObject *bits = PyLong_FromLong(64);
    PyObject *times = PyLong_FromLong(unit);
    PyObject *shifted = NULL, *whole = NULL, *number = NULL;
    if (high != NULL && low != NULL && bits != NULL && times != NULL) {
        shifted = PyNumber_Lshift(high, bits);
        whole = shifted == NULL ? NULL : PyNumber_Add(shifted, low);
        number = whole == NULL ? NULL : PyNumber_Multiply(whole, times);
    }
    Py_DecRef(whole);
    Py_DecRef(shifted);
    Py_DecRef(times);
    Py_DecRef(bits);
    Py_DecRef(low);
    Py_DecRef(high);
    return number;
}

/* Read a set of bytes; -1 with an exception. */
static int
read_names(NameSet *set, PyObject *names)
{
    set->slots = NULL;
    set->names = PySequence_Tuple(names);
    if (set->names == NULL) {
        return -1;
    }
    Py_ssize_t count = PyTuple_Size(set->names);
    if (count == 0) {
        return 0;
    }
    size_t room = 4;
    while (room < 2 * (size_t)count) {
        room *= 2;
    }
    set->mask = room - 1;
    set->slots = resize(NULL, room * sizeof *set->slots);
    if (set->slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(set->slots, 0, room * sizeof *set->slots);
    for (Py_ssize_t number = 0; number < count; number++) {
        PyObject *item = PyTuple_GetItem(set->names, number);
        char *name;
        if (!PyBytes_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "names must be bytes");
            return -1;
        }
        /* Without a length to write to, a NUL inside is an error: no file is called that. */
        if (PyBytes_AsStringAndSize(item, &name, NULL) < 0) {
            return -1;
        }
        size_t at = hash_name(name) & set->mask;
        while (set->slots[at] != NULL) {
            at = (at + 1) & set->mask;
        }
        set->slots[at] = name;
    }
    return 0;
}

static void
forget_names(const NameSet *set)
{
    Py_DecRef(set->names);
    release(set->slots);
}

/* Read a sequence of wildcards; -1 with an exception. */
static int
read_globs(Query *query, PyObject *globs)
{
    query->given_globs = PySequence_Tuple(globs);
    if (query->given_globs == NULL) {
        return -1;
    }
    size_t count = (size_t)PyTuple_Size(query->given_globs);
    query->globs = count > 0 ? resize(NULL, count * sizeof *query->globs) : NULL;
    if (count > 0 && query->globs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; query->glob_count < count; query->glob_count++) {
        PyObject *item = PyTuple_GetItem(query->given_globs, (Py_ssize_t)query->glob_count);
        char *glob;
        if (PyBytes_AsStringAndSize(item, &glob, NULL) < 0) {
            return -1;
        }
        query->globs[query->glob_count] = glob;
    }
    return 0;
}

static PyObject *
list_hits(const Hits *hits, const Classes *classes)
{
    PyObject *paths = list_of(&hits->paths);
    PyObject *list = PyList_New(0);
    const HitEntry *entries = (const void *)hits->entries.data;
    if (paths == NULL || list == NULL) {
        goto failed;
    }
    for (size_t number = 0; number < path_count(&hits->paths); number++) {
        const HitEntry *entry = entries + number;
        PyObject *mounted = PyBool_FromLong(entry->mounted);
        PyObject *hit = PyObject_CallFunction(
            classes->hit, "OKKNL", PyList_GetItem(paths, (Py_ssize_t)number),
            (unsigned long long)entry->device, (unsigned long long)entry->inode, mounted,
            (long long)entry->changed);
        if (hit == NULL || PyList_Append(list, hit) < 0) {
            Py_DecRef(hit);
            goto failed;
        }
        Py_DecRef(hit);
    }
    Py_DecRef(paths);
    return list;
failed:
    Py_DecRef(paths);
    Py_DecRef(list);
    return NULL;
}

static PyObject *
kernel_find(PyObject *module, PyObject *args)
{
    const Classes *classes = PyModule_GetState(module);
    PyObject *root, *stack, *names, *wanted, *skipped, *globs, *markers;
    PyObject *result = NULL;
    long long budget;
    Py_ssize_t min_depth;
    Call call;
    Query query;
    Hits hits;
    memset(&query, 0, sizeof query);
    memset(&hits, 0, sizeof hits);
    if (!PyArg_ParseTuple(args, "OOO!L:find", &root, &stack, &PyTuple_Type, &names, &budget) ||
        !PyArg_ParseTuple(names, "OOnOO;names must be a Names", &wanted, &skipped,
                          &min_depth, &globs, &markers)) {
        return NULL;
    }
    if (begin_call(&call, root, stack, budget) < 0) {
        return NULL;
    }
    query.min_depth = min_depth;
    if (read_names(&query.wanted, wanted) < 0 || read_names(&query.skipped, skipped) < 0 ||
        read_names(&query.markers, markers) < 0 || read_globs(&query, globs) < 0) {
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    search(&call, &query, &hits);
    Py_END_ALLOW_THREADS
    PyObject *list = list_hits(&hits, classes);
    PyObject *found =
        list == NULL ? NULL
                     : PyObject_CallFunction(classes->found, "LN", hits.directories, list);
    result = result_of(&call, classes, classes->finding, found);
done:
    forget_names(&query.wanted);
    forget_names(&query.skipped);
    forget_names(&query.markers);
    Py_DecRef(query.given_globs);
    release(query.globs);
    empty_paths(&hits.paths);
    empty(&hits.entries);
    end_call(&call);
    return result;
}

static PyObject *
kernel_measure(PyObject *module, PyObject *args)
{
    const Classes *classes = PyModule_GetState(module);
    PyObject *root, *stack;
    long long budget;
    Call call;
    Sums sums;
    memset(&sums, 0, sizeof sums);
    sums.user = geteuid();
    if (!PyArg_ParseTuple(args, "OOL:measure", &root, &stack, &budget) ||
        begin_call(&call, root, stack, budget) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    measure(&call, &sums);
    Py_END_ALLOW_THREADS
    PyObject *usage = NULL;
    PyObject *mounts = list_of(&sums.mounts);
    PyObject *repositories = list_of(&sums.repositories);
    PyObject *foreign = list_of(&sums.foreign);
    PyObject *apparent = number_of(&sums.apparent, 1);
    PyObject *allocated = number_of(&sums.blocks, BLOCK);
    PyObject *directories = number_of(&sums.directory_blocks, BLOCK);
    if (mounts != NULL && repositories != NULL && foreign != NULL && apparent != NULL &&
        allocated != NULL && directories != NULL) {
        usage = PyObject_CallFunction(
            classes->usage, "OOLLLy#OOOO", apparent, allocated, (long long)sums.files,
            (long long)sums.directories, (long long)sums.newest,
            sums.links.used == 0 ? "" : sums.links.data, (Py_ssize_t)sums.links.used, mounts,
            repositories, foreign, directories);
    }
    Py_DecRef(directories);
    Py_DecRef(allocated);
    Py_DecRef(apparent);
    Py_DecRef(foreign);
    Py_DecRef(mounts);
    Py_DecRef(repositories);
    PyObject *result = result_of(&call, classes, classes->measurement, usage);
    empty(&sums.links);
    empty_paths(&sums.mounts);
    empty_paths(&sums.repositories);
    empty_paths(&sums.foreign);
    end_call(&call);
    return result;
}

/* Return what is to be done by calls for other groups: a tuple of (group, entry). */
static PyObject *
elsewhere_of(const Removed *removed)
{
    const Paths *paths = &removed->elsewhere;
    PyObject *entries = list_of(paths);
    PyObject *pairs = entries == NULL ? NULL : PyTuple_New(PyList_Size(entries));
    for (size_t number = 0; pairs != NULL && number < path_count(paths); number++) {
        PyObject *entry = PyList_GetItem(entries, (Py_ssize_t)number);
        PyObject *pair = Py_BuildValue("(kO)", path_entry(paths, number)->group, entry);
        if (pair == NULL || PyTuple_SetItem(pairs, (Py_ssize_t)number, pair) < 0) {
            clear(&pairs);
        }
    }
    Py_DecRef(entries);
    return pairs;
}

/* -1 with an exception. */
static int
read_groups(Removed *removed, PyObject *groups)
{
    if (!PyTuple_Check(groups)) {
        PyErr_SetString(PyExc_TypeError, "groups must be Groups or None");
        return -1;
    }
    if (!PyArg_ParseTuple(groups, "Ik;groups must be Groups or None", &removed->shift,
                          &removed->groups)) {
        return -1;
    }
    if (removed->shift >= 64 || removed->groups == 0) {
        PyErr_SetString(PyExc_ValueError, "no inode can be in such groups");
        return -1;
    }
    return 0;
}

static PyObject *
kernel_remove(PyObject *module, PyObject *args)
{
    const Classes *classes = PyModule_GetState(module);
    PyObject *root, *stack, *groups = Py_None;
    long long budget;
    Call call;
    Removed removed;
    memset(&removed, 0, sizeof removed);
    removed.user = geteuid();
    if (!PyArg_ParseTuple(args, "OOL|Okp:remove", &root, &stack, &budget, &groups, &removed.group,
                          &removed.foreign_too) ||
        (groups != Py_None && read_groups(&removed, groups) < 0) ||
        begin_call(&call, root, stack, budget) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    remove_all(&call, &removed);
    Py_END_ALLOW_THREADS
    PyObject *counts = NULL;
    PyObject *blocked = list_of(&removed.blocked);
    PyObject *freed = number_of(&removed.blocks, BLOCK);
    PyObject *directories = number_of(&removed.directory_blocks, BLOCK);
    PyObject *elsewhere = elsewhere_of(&removed);
    if (blocked != NULL && freed != NULL && directories != NULL && elsewhere != NULL) {
        counts = PyObject_CallFunction(classes->counts, "LLOOOOO", (long long)removed.files,
                                       (long long)removed.directories, freed, blocked,
                                       removed.root ? Py_True : Py_False, directories, elsewhere);
    }
    Py_DecRef(elsewhere);
    Py_DecRef(directories);
    Py_DecRef(freed);
    Py_DecRef(blocked);
    PyObject *result = result_of(&call, classes, classes->removal, counts);
    empty_paths(&removed.blocked);
    empty_paths(&removed.elsewhere);
    end_call(&call);
    return result;
}

/* ---- The module ------------------------------------------------------------------------------- */

#ifdef CLEANUP_NODEMODULE_TESTING
static PyObject *
kernel_fail_allocation(PyObject *module, PyObject *args)
{
    long number;
    int pending = allocations_until_failure >= 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "l:_fail_allocation", &number)) {
        return NULL;
    }
    allocations_until_failure = number;
    return PyBool_FromLong(pending);
}

static PyObject *
kernel_held(PyObject *module, PyObject *args)
{
    (void)module;
    (void)args;
    return PyLong_FromLong(held);
}
#endif

static PyObject *
kernel_use_openat2(PyObject *module, PyObject *args)
{
    int wanted;
    (void)module;
    if (!PyArg_ParseTuple(args, "p:_use_openat2", &wanted)) {
        return NULL;
    }
    openat2_works = wanted;
    Py_IncRef(Py_None);
    return Py_None;
}

PyDoc_STRVAR(find_doc, "find(root, stack, names, budget)\n--\n\n"
                       "Look for directories with the wanted names; see the contract.");
PyDoc_STRVAR(measure_doc, "measure(root, stack, budget)\n--\n\n"
                          "Count bytes, files and directories; see the contract.");
PyDoc_STRVAR(remove_doc, "remove(root, stack, budget, groups=None, group=0, foreign_too=False)\n--\n\n"
                         "Delete everything beneath the root, then the root; see the contract.");
PyDoc_STRVAR(use_openat2_doc, "_use_openat2(wanted)\n--\n\n"
                              "For tests: have the calls of this process do without openat2(2).");

static PyMethodDef methods[] = {
    {"find", kernel_find, METH_VARARGS, find_doc},
    {"measure", kernel_measure, METH_VARARGS, measure_doc},
    {"remove", kernel_remove, METH_VARARGS, remove_doc},
    {"_use_openat2", kernel_use_openat2, METH_VARARGS, use_openat2_doc},
#ifdef CLEANUP_NODEMODULE_TESTING
    {"_fail_allocation", kernel_fail_allocation, METH_VARARGS,
     "Have the allocation fail before which so many succeed; return whether one still waited to."},
    {"_held", kernel_held, METH_NOARGS, "Return how many allocations were not given back."},
#endif
    {NULL, NULL, 0, NULL},
};

static int
kernel_exec(PyObject *module)
{
    Classes *classes = PyModule_GetState(module);
    const struct {
        const char *name;
        PyObject **class;
    } wanted[] = {
        {"Finding", &classes->finding},         {"Found", &classes->found},
        {"Hit", &classes->hit},                 {"Measurement", &classes->measurement},
        {"Usage", &classes->usage},             {"Removal", &classes->removal},
        {"Counts", &classes->counts},           {"Fault", &classes->fault},
    };
    PyObject *contract = PyImport_ImportModule("cleanup_nodemodule.engine.contract");
    if (contract == NULL) {
        return -1;
    }
    for (size_t number = 0; number < sizeof wanted / sizeof *wanted; number++) {
        *wanted[number].class = PyObject_GetAttrString(contract, wanted[number].name);
        if (*wanted[number].class == NULL) {
            Py_DecRef(contract);
            return -1;
        }
    }
    Py_DecRef(contract);
    return 0;
}

static int
kernel_traverse(PyObject *module, visitproc visit, void *arg)
{
    Classes *classes = PyModule_GetState(module);
    if (classes != NULL) {
        Py_VISIT(classes->finding);
        Py_VISIT(classes->found);
        Py_VISIT(classes->hit);
        Py_VISIT(classes->measurement);
        Py_VISIT(classes->usage);
        Py_VISIT(classes->removal);
        Py_VISIT(classes->counts);
        Py_VISIT(classes->fault);
    }
    return 0;
}

static int
kernel_clear(PyObject *module)
{
    Classes *classes = PyModule_GetState(module);
    if (classes != NULL) {
        clear(&classes->finding);
        clear(&classes->found);
        clear(&classes->hit);
        clear(&classes->measurement);
        clear(&classes->usage);
        clear(&classes->removal);
        clear(&classes->counts);
        clear(&classes->fault);
    }
    return 0;
}

static void
kernel_free(void *module)
{
    kernel_clear(module);
}

/* Slots that a version of Python does not know are an error there, and one abi3 build serves all of
 * them: so it brings a table for each, spelt in the numbers of the headers that first had them. */
#define SLOT_MULTIPLE_INTERPRETERS 3 /* Python 3.12 */
#define SLOT_GIL 4                   /* Python 3.13 */
#define PER_INTERPRETER ((void *)2)  /* Py_MOD_PER_INTERPRETER_GIL_SUPPORTED */
#define NOT_USED ((void *)1)         /* Py_MOD_GIL_NOT_USED */

static PyModuleDef_Slot slots_311[] = {
    {Py_mod_exec, kernel_exec},
    {0, NULL},
};
static PyModuleDef_Slot slots_312[] = {
    {Py_mod_exec, kernel_exec},
    {SLOT_MULTIPLE_INTERPRETERS, PER_INTERPRETER},
    {0, NULL},
};
static PyModuleDef_Slot slots_313[] = {
    {Py_mod_exec, kernel_exec},
    {SLOT_MULTIPLE_INTERPRETERS, PER_INTERPRETER},
    {SLOT_GIL, NOT_USED},
    {0, NULL},
};

/* One for each, so that nothing is written to what all interpreters share. */
#define DEFINITION(slots)                                                                              \
    {                                                                                                  \
        .m_base = PyModuleDef_HEAD_INIT, .m_name = "_kernel", .m_doc = "The native engine.",           \
        .m_size = sizeof(Classes), .m_methods = methods, .m_slots = slots,                             \
        .m_traverse = kernel_traverse, .m_clear = kernel_clear, .m_free = kernel_free,                 \
    }
static PyModuleDef definition_311 = DEFINITION(slots_311);
static PyModuleDef definition_312 = DEFINITION(slots_312);
static PyModuleDef definition_313 = DEFINITION(slots_313);

PyMODINIT_FUNC
PyInit__kernel(void)
{
    return PyModuleDef_Init(Py_Version >= 0x030D0000   ? &definition_313
                            : Py_Version >= 0x030C0000 ? &definition_312
                                                       : &definition_311);
}
