/* What deleting an entry gives back, where that is not what it takes: Accounting of contract.py. It builds on beneath.h
 * and status.h, and on all that these build on.
 *
 * What costs most is to open a file, so it is only opened if nothing else tells. It is opened through the open directory
 * that it was met in, on the same mount, and is asked only if it is the one whose status was read. Nothing is read of
 * it. So its time of access stays, and no flag is needed for that. */

enum { AS_COUNTED, ATTRIBUTES, EXTENTS, TREE, LAYERS, ACCOUNTINGS };

#define CHUNK_SLOTS 64 /* chunks of inodes that are counted at a time */

/* A chunk of inodes. There is none where `met` is 0. */
typedef struct {
    uint64_t chunk;
    uint64_t met;
} Chunk;

typedef struct {
    int kind;
    int all;
    int64_t block;
    int64_t most_inline;
    int64_t inode;
    int64_t entry;
    int64_t name;
    int64_t content;
    int64_t extent;

    Wide own;
    Wide perhaps;
    Wide shared;
    Wide metadata;
    Wide proven;
    Buffer ranges;
    Buffer linked_ranges;
    Buffer chunks;
    Chunk slots[CHUNK_SLOTS];
    int upper;   /* the directory being counted is in the upper layer alone */
    void *extents; /* room for those of a file that has many; NULL until there is one */
} Accounting;

/* What is found out about one entry, in bytes. */
typedef struct {
    int64_t own;
    int64_t perhaps;
    int64_t metadata;
    int proven;
} Share;

static void
forget_accounting(Accounting *accounting)
{
    empty(&accounting->ranges);
    empty(&accounting->linked_ranges);
    empty(&accounting->chunks);
    release(accounting->extents);
}

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

#define LONGEST_ENCODED 131072 /* bytes on the disk, BTRFS_MAX_COMPRESSED */
#define SHORTEST_SLOW_LINK 60  /* bytes of a symlink that does not fit into the inode of ext4, ext4_inode_is_fast_symlink */

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
    ExtentsHead *answer;
    const Extent *extents; /* of the answer */
    uint32_t at;
    uint64_t start; /* where to go on in the file */
    int ended;
    FewExtents few;
} Extents;

static void
begin_extents(Extents *extents, int descriptor, uint32_t flags)
{
    extents->descriptor = descriptor;
    extents->flags = flags;
    extents->answer = NULL;
    extents->start = 0;
    extents->ended = 0;
}

/* Ask for the next extents; -1 with errno. */
static int
ask_extents(Accounting *accounting, Extents *extents)
{
    uint32_t room = FEW_EXTENTS;
    if (extents->answer == NULL) {
        extents->answer = &extents->few.head;
        extents->extents = extents->few.extents;
    }
    else {
        /* There are more than a few. Without memory, a few at a time have to do. */
        if (accounting->extents == NULL) {
            accounting->extents = resize(NULL, sizeof(ManyExtents));
        }
        ManyExtents *many = accounting->extents;
        if (many != NULL) {
            extents->answer = &many->head;
            extents->extents = many->extents;
            room = MANY_EXTENTS;
        }
    }
    *extents->answer =
        (ExtentsHead){extents->start, UINT64_MAX - extents->start, extents->flags, 0, room, 0};
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
    extents->ended = (last->flags & EXTENT_LAST) != 0 || next <= extents->start;
    extents->start = next;
    return 0;
}

/* Return the next extent in `extent`; 1 if there is one, 0 at the end, -1 with errno. */
static int
next_extent(Accounting *accounting, Extents *extents, Extent *extent)
{
    if (extents->answer == NULL || (extents->at == extents->answer->mapped && !extents->ended)) {
        if (ask_extents(accounting, extents) < 0) {
            return -1;
        }
    }
    if (extents->at == extents->answer->mapped) {
        return 0;
    }
    *extent = extents->extents[extents->at++];
    return 1;
}

/* Open the entry `name` of a directory to ask it, if it is the one with this status; -1 if it is not, or cannot be. */
static int
open_to_ask(const Walk *walk, int directory, const char *name, const Status *status)
{
    struct stat found;
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
#ifdef O_LARGEFILE
    flags |= O_LARGEFILE;
#endif
    int descriptor = open_step(directory, name, flags, SAME_MOUNT, walk->openat2);
    if (descriptor >= 0 &&
        (read_open_status(descriptor, &found) < 0 || found.st_dev != status->device ||
         found.st_ino != status->inode || (found.st_mode & S_IFMT) != (status->mode & S_IFMT))) {
        let_go(descriptor);
        return -1;
    }
    return descriptor;
}

/* Take down a range of an entry; without memory there is a fault instead. */
static void
note_range(Walk *walk, Accounting *accounting, const char *name, const Status *status, uint64_t start,
           uint64_t length)
{
    int failed;
    if (status->links > 1 && !S_ISDIR(status->mode)) {
        uint64_t record[LINKED_RANGE_FIELDS] = {status->inode, start, length};
        failed = append(&accounting->linked_ranges, record, sizeof record) < 0;
    }
    else {
        uint64_t record[RANGE_FIELDS] = {start, length};
        failed = append(&accounting->ranges, record, sizeof record) < 0;
        add(&accounting->shared, failed ? 0 : (int64_t)length);
    }
    if (failed) {
        fault_at(walk, strcmp(name, ".") == 0 ? "" : name, ENOMEM, "read");
    }
}

/* The ranges that were there before something was asked. */
typedef struct {
    size_t ranges;
    size_t linked_ranges;
    Wide shared;
} Before;

static Before
before_asking(const Accounting *accounting)
{
    return (Before){accounting->ranges.used, accounting->linked_ranges.used, accounting->shared};
}

static void
forget_ranges(Accounting *accounting, const Before *before)
{
    accounting->ranges.used = before->ranges;
    accounting->linked_ranges.used = before->linked_ranges;
    accounting->shared = before->shared;
}

/* EXTENTS: all that it takes is its own, but for its shared extents; -1 if they cannot be had. */
static int
share_extents(Walk *walk, Accounting *accounting, int descriptor, const char *name,
              const Status *status, Share *share)
{
    Extents extents;
    Extent extent;
    int more;
    begin_extents(&extents, descriptor, 0);
    while ((more = next_extent(accounting, &extents, &extent)) > 0) {
        if ((extent.flags & EXTENT_SHARED) != 0) {
            note_range(walk, accounting, name, status, extent.physical, extent.length);
            share->own -= (uint64_t)share->own < extent.length ? share->own : (int64_t)extent.length;
        }
    }
    return more;
}

/* Return what an extent takes on the disk; `next` is the one behind it in the file, or NULL. */
static uint64_t
taken_by(const Extent *extent, const Extent *next)
{
    if ((extent->flags & EXTENT_ENCODED) == 0) {
        return extent->length;
    }
    if (next != NULL && next->physical > extent->physical &&
        next->physical - extent->physical <= LONGEST_ENCODED) {
        return next->physical - extent->physical;
    }
    return extent->length < LONGEST_ENCODED ? extent->length : LONGEST_ENCODED;
}

/* TREE: its extents are its own that are not shared; -1 if they cannot be had. */
static int
share_tree(Walk *walk, Accounting *accounting, int descriptor, const char *name,
           const Status *status, Share *share)
{
    Extents extents;
    Extent extent, next;
    int ordered = 1, shares = 0;
    int64_t count = 0;
    begin_extents(&extents, descriptor, 0);
    int more = next_extent(accounting, &extents, &extent);
    while (more > 0) {
        more = next_extent(accounting, &extents, &next);
        if (more < 0) {
            break;
        }
        if ((extent.flags & EXTENT_INLINE) != 0) {
            int64_t most = accounting->most_inline;
            share->metadata +=
                accounting->content + (extent.length < (uint64_t)most ? (int64_t)extent.length : most);
        }
        else {
            uint64_t taken = taken_by(&extent, more > 0 ? &next : NULL);
            count++;
            ordered = ordered && (more == 0 || next.physical > extent.physical);
            if ((extent.flags & EXTENT_SHARED) != 0) {
                shares = 1;
                note_range(walk, accounting, name, status, extent.physical, taken);
            }
            else {
                share->own += (int64_t)taken;
            }
        }
        extent = next;
    }
    share->metadata += count * accounting->extent;
    share->perhaps = ordered ? 0 : share->own;
    share->proven = count > 0 && !shares;
    return more;
}

/* ATTRIBUTES: all that it takes is its own, but for a block of extended attributes; -1 if that cannot be had. `excess`
 * is what it takes beyond its content. */
static int
share_attributes(Walk *walk, Accounting *accounting, int descriptor, const char *name,
                 const Status *status, int64_t excess, Share *share)
{
    Extents extents;
    Extent extent;
    begin_extents(&extents, descriptor, OF_ATTRIBUTES);
    int more = next_extent(accounting, &extents, &extent);
    if (more <= 0) {
        return more;
    }
    if ((extent.flags & EXTENT_INLINE) == 0) {
        note_range(walk, accounting, name, status, extent.physical, extent.length);
        share->own -= (uint64_t)share->own < extent.length ? share->own : (int64_t)extent.length;
    }
    else if (excess >= accounting->block) {
        /* Some are in the inode. Then nothing is said of a block (ext4_iomap_xattr_fiemap in fs/ext4/extents.c). */
        share->own -= accounting->block;
        share->perhaps = accounting->block;
    }
    return 0;
}

/* From include/uapi/linux/stat.h and include/uapi/linux/fcntl.h. */
#define HANDLE_FID 0x200 /* AT_HANDLE_FID */
#define HANDLE_OF_OVERLAY 0xf8 /* OVL_FILEID_V1 of fs/overlayfs/overlayfs.h, as all of the following */
enum { OVERLAY_MAGIC_AT = 4, OVERLAY_MAGIC = 0xfb, OVERLAY_FLAGS_AT = 6, OVERLAY_UPPER = 4 };

/* Whether an entry is in the upper layer of an overlay alone; -1 if nobody says so. */
static int
is_upper(int directory, const char *name, int flags)
{
    struct {
        uint32_t bytes;
        int32_t type;
        unsigned char data[128]; /* MAX_HANDLE_SZ */
    } handle;
    int mount;
    handle.bytes = sizeof handle.data;
    if (syscall(SYS_name_to_handle_at, directory, name, &handle, &mount, HANDLE_FID | flags) < 0 ||
        handle.type != HANDLE_OF_OVERLAY || handle.bytes <= OVERLAY_FLAGS_AT ||
        handle.data[OVERLAY_MAGIC_AT] != OVERLAY_MAGIC) {
        return -1;
    }
    return (handle.data[OVERLAY_FLAGS_AT] & OVERLAY_UPPER) != 0;
}

/* LAYERS: it has what it takes, if it is in the upper layer alone, and otherwise nothing. `upper`: whether it is. */
static void
share_layers(const Status *status, int upper, Share *share)
{
    share->own = upper > 0 ? status->blocks * BLOCK : 0;
    share->perhaps = upper < 0 ? status->blocks * BLOCK : 0;
}

/* Return a number of bytes, rounded up to whole blocks. */
static uint64_t
in_blocks(const Accounting *accounting, int64_t bytes)
{
    uint64_t block = (uint64_t)accounting->block;
    return ((uint64_t)bytes + block - 1) / block * block;
}

/* Whether a status says that an entry has to be asked; -1 if it has to be, but is none that can be. `share` has what it
 * is if it has not. `excess` is for share_attributes. */
static int
has_to_be_asked(const Walk *walk, const Accounting *accounting, const Status *status, Share *share,
                int64_t *excess)
{
    int regular = S_ISREG(status->mode);
    int64_t takes = status->blocks * BLOCK;
    share->own = takes;
    if (status->device != walk->device) {
        return -1; /* It is a mount. */
    }
    if (accounting->kind == EXTENTS) {
        return regular && takes > 0 && (accounting->all || !status->shares_nothing);
    }
    if (accounting->kind == TREE) {
        share->own = 0;
        return regular && takes > 0 && status->size > accounting->most_inline;
    }
    if (takes < accounting->block) {
        share->own = 0;
        return 0;
    }
    int in_inode = S_ISLNK(status->mode) && status->size < SHORTEST_SLOW_LINK;
    uint64_t content = in_blocks(accounting, in_inode ? 0 : status->size);
    *excess = (uint64_t)takes > content ? takes - (int64_t)content : 0;
    int can_be = regular || S_ISDIR(status->mode);
    return can_be ? *excess > 0 || accounting->all : *excess > 0 ? -1 : 0;
}

/* Find out about an entry by opening it, if its status does not tell. */
static void
ask_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status,
          Share *share)
{
    int64_t excess = 0;
    int asked = has_to_be_asked(walk, accounting, status, share, &excess);
    if (asked == 0) {
        return;
    }
    Before before = before_asking(accounting);
    int64_t metadata = share->metadata;
    int descriptor = asked > 0 ? open_to_ask(walk, directory, name, status) : -1;
    int failed = descriptor < 0;
    if (!failed && accounting->kind == EXTENTS) {
        failed = share_extents(walk, accounting, descriptor, name, status, share) < 0;
    }
    else if (!failed && accounting->kind == TREE) {
        failed = share_tree(walk, accounting, descriptor, name, status, share) < 0;
    }
    else if (!failed) {
        failed = share_attributes(walk, accounting, descriptor, name, status, excess, share) < 0;
        if (share->own < accounting->block) {
            share->own = 0; /* The rest of its content is in its inode. */
        }
    }
    let_go(descriptor);
    if (failed) {
        forget_ranges(accounting, &before);
        *share = (Share){0, status->blocks * BLOCK, metadata, 0};
    }
}

/* Find out about an entry. For the root, `directory` is the root itself, and the name is ".". */
static Share
share_of(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    Share share = {0, 0, 0, 0};
    int is_root = strcmp(name, ".") == 0;
    int is_linked = status->links > 1 && !S_ISDIR(status->mode);
    if (accounting->kind == LAYERS) {
        int upper = 1;
        if (S_ISDIR(status->mode) || !accounting->upper) {
            /* The root of a file system counts as upper, but is made of all layers. */
            upper = is_root && walk->root_name[0] == '\0' ? 0 : is_upper(directory, name, 0);
        }
        share_layers(status, upper, &share);
        return share;
    }
    if (accounting->kind == TREE) {
        size_t length = strlen(is_root ? walk->root_name : name);
        share.metadata = accounting->entry + accounting->name * (int64_t)length;
        if (!is_linked) {
            int has_content = S_ISLNK(status->mode) || (S_ISREG(status->mode) && status->size > 0 &&
                                                        status->size <= accounting->most_inline);
            share.metadata += accounting->inode;
            share.metadata += has_content ? accounting->content + status->size : 0;
        }
    }
    int64_t metadata = share.metadata;
    ask_entry(walk, accounting, directory, name, status, &share);
    if (is_linked) {
        share.metadata = metadata;
        share.perhaps = share.proven = 0;
    }
    return share;
}

/* Count the inode of an entry with its chunk; without memory there is a fault instead. Those of a directory lie close
 * together, so few chunks are counted at a time. */
static void
count_inode(Walk *walk, Accounting *accounting, uint64_t inode)
{
    uint64_t chunk = inode / 64;
    Chunk *slot = &accounting->slots[chunk % CHUNK_SLOTS];
    if (slot->met > 0 && slot->chunk != chunk) {
        if (append(&accounting->chunks, slot, sizeof *slot) < 0) {
            fault_here(walk, ENOMEM, "read");
        }
        slot->met = 0;
    }
    slot->chunk = chunk;
    slot->met++;
}

/* Count an entry with one link, or a directory. */
static void
account_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    if (accounting->kind == AS_COUNTED) {
        return;
    }
    Share share = share_of(walk, accounting, directory, name, status);
    add(&accounting->own, share.own);
    add(&accounting->perhaps, share.perhaps);
    add(&accounting->metadata, share.metadata);
    add(&accounting->proven, share.proven ? share.metadata : 0);
    if (accounting->kind == EXTENTS && status->device == walk->device) {
        count_inode(walk, accounting, status->inode);
    }
}

/* Count an entry with several links; returns its own bytes. */
static int64_t
account_linked(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    if (accounting->kind == AS_COUNTED) {
        return status->blocks * BLOCK;
    }
    Share share = share_of(walk, accounting, directory, name, status);
    add(&accounting->metadata, share.metadata);
    return share.own;
}

/* Take a directory out of what was counted, but for its ranges and its inode. */
static void
unaccount_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    if (accounting->kind == AS_COUNTED) {
        return;
    }
    Before before = before_asking(accounting);
    Share share = share_of(walk, accounting, directory, name, status);
    forget_ranges(accounting, &before);
    subtract(&accounting->own, share.own);
    subtract(&accounting->perhaps, share.perhaps);
    subtract(&accounting->metadata, share.metadata);
}

/* Begin a directory, which is open. */
static void
account_directory(const Walk *walk, Accounting *accounting, int directory)
{
    if (accounting->kind == LAYERS) {
        int is_top = walk->path_length == 0 && walk->root_name[0] == '\0';
        accounting->upper = !is_top && is_upper(directory, "", AT_EMPTY_PATH) > 0;
    }
}

/* Write down the chunks that are still being counted. */
static void
end_accounting(Walk *walk, Accounting *accounting)
{
    for (size_t slot = 0; accounting->kind == EXTENTS && slot < CHUNK_SLOTS; slot++) {
        if (accounting->slots[slot].met > 0 &&
            append(&accounting->chunks, &accounting->slots[slot], sizeof(Chunk)) < 0) {
            fault_here(walk, ENOMEM, "read");
        }
    }
}
#else
/* On other systems nothing is asked: the kind is always AS_COUNTED. */
static void
account_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    (void)walk, (void)accounting, (void)directory, (void)name, (void)status;
}

static int64_t
account_linked(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    (void)walk, (void)accounting, (void)directory, (void)name;
    return status->blocks * BLOCK;
}

static void
unaccount_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    (void)walk, (void)accounting, (void)directory, (void)name, (void)status;
}

static void
account_directory(const Walk *walk, Accounting *accounting, int directory)
{
    (void)walk, (void)accounting, (void)directory;
}

static void
end_accounting(Walk *walk, Accounting *accounting)
{
    (void)walk, (void)accounting;
}
#endif
