/* Opens an entry to ask it for more than its status, and asks for its extents (Documentation/filesystems/fiemap.rst).
 * Only on Linux. It builds on beneath.h and status.h.
 *
 * An entry is opened through the open directory that it was met in, on the same mount, and only asked if it is the one
 * whose status was read. Nothing is read of it. So its time of access stays, and no flag is needed for that. */

#ifdef ON_LINUX
/* From include/uapi/linux/fiemap.h, as not every C library comes with the kernel's headers. */
typedef struct {
    uint64_t logical;
    uint64_t physical;
    uint64_t length;
    uint64_t reserved[2];
    uint32_t flags;
    uint32_t more_reserved[3];
} Extent;

typedef struct {
    uint64_t start;
    uint64_t length;
    uint32_t flags;
    uint32_t mapped;
    uint32_t room;
    uint32_t reserved;
} ExtentsHead;

#define ASK_EXTENTS _IOWR('f', 11, ExtentsHead) /* FS_IOC_FIEMAP */
#define OF_ATTRIBUTES 0x2    /* FIEMAP_FLAG_XATTR */
#define EXTENT_LAST 0x1      /* FIEMAP_EXTENT_LAST, and so on */
#define EXTENT_ENCODED 0x8
#define EXTENT_INLINE 0x200
#define EXTENT_SHARED 0x2000

#ifdef CLEANUP_NODEMODULE_TESTING
#define FEW_EXTENTS 2
#define MANY_EXTENTS 3
#else
#define FEW_EXTENTS 16
#define MANY_EXTENTS 1024
#endif

typedef struct {
    ExtentsHead head;
    Extent extents[FEW_EXTENTS];
} FewExtents;

typedef struct {
    ExtentsHead head;
    Extent extents[MANY_EXTENTS];
} ManyExtents;

/* The extents of an open file, one after the other. */
typedef struct {
    int descriptor;
    uint32_t flags;
    ManyExtents **many; /* room for those of a file that has many; NULL until there is one */
    ExtentsHead *answer;
    const Extent *extents; /* of the answer */
    uint32_t at;
    uint64_t start; /* where to go on in the file */
    uint64_t end;   /* what lies behind that is not asked for */
    int ended;
    FewExtents few;
} Extents;

static void
begin_extents(Extents *extents, int descriptor, uint32_t flags, uint64_t end, ManyExtents **many)
{
    extents->end = end;
    extents->many = many;
    extents->descriptor = descriptor;
    extents->flags = flags;
    extents->answer = NULL;
    extents->start = 0;
    extents->ended = 0;
}

/* Ask for the next extents; -1 with errno. */
static int
ask_extents(Extents *extents)
{
    uint32_t room = FEW_EXTENTS;
    if (extents->answer == NULL) {
        extents->answer = &extents->few.head;
        extents->extents = extents->few.extents;
    }
    else {
        /* There are more than a few. Without memory, a few at a time have to do. */
        if (*extents->many == NULL) {
            *extents->many = resize(NULL, sizeof **extents->many);
        }
        if (*extents->many != NULL) {
            extents->answer = &(*extents->many)->head;
            extents->extents = (*extents->many)->extents;
            room = MANY_EXTENTS;
        }
    }
    *extents->answer =
        (ExtentsHead){extents->start, extents->end - extents->start, extents->flags, 0, room, 0};
    int result;
    do {
        result = ioctl(extents->descriptor, ASK_EXTENTS, extents->answer);
    } while (result < 0 && errno == EINTR);
    extents->at = 0;
    if (result < 0 || extents->answer->mapped == 0) {
        return result;
    }
    const Extent *last = &extents->extents[extents->answer->mapped - 1];
    uint64_t next = last->logical + last->length;
    extents->ended =
        (last->flags & EXTENT_LAST) != 0 || next <= extents->start || next >= extents->end;
    extents->start = next;
    return 0;
}

/* Return the next extent in `extent`; 1 if there is one, 0 at the end, -1 with errno. */
static int
next_extent(Extents *extents, Extent *extent)
{
    if (extents->answer == NULL || (extents->at == extents->answer->mapped && !extents->ended)) {
        if (ask_extents(extents) < 0) {
            return -1;
        }
    }
    if (extents->at == extents->answer->mapped) {
        return 0;
    }
    *extent = extents->extents[extents->at++];
    return 1;
}

/* Open the entry `name` of a directory to ask it, and read its status; -1 with errno. */
static int
open_to_ask(const Walk *walk, int directory, const char *name, struct stat *found)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
#ifdef O_LARGEFILE
    flags |= O_LARGEFILE;
#endif
    int descriptor = open_step(directory, name, flags, SAME_MOUNT, walk->openat2);
    if (descriptor >= 0 && read_open_status(descriptor, found) < 0) {
        let_go(descriptor);
        return -1;
    }
    return descriptor;
}

/* The same for the entry that has a status; -1 if it is another one now, or cannot be opened. */
static int
open_known(const Walk *walk, int directory, const char *name, const Status *status)
{
    struct stat found;
    int descriptor = open_to_ask(walk, directory, name, &found);
    if (descriptor >= 0 && (found.st_dev != status->device || found.st_ino != status->inode ||
                            (found.st_mode & S_IFMT) != (status->mode & S_IFMT))) {
        let_go(descriptor);
        return -1;
    }
    return descriptor;
}
#endif
