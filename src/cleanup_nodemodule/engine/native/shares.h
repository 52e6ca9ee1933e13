/* What an entry has of its own and what it shares, by Accounting of contract.py; here for XFS, ext4 and overlays. It
 * builds on extents.h, and on all that this builds on. */

enum { AS_COUNTED, ATTRIBUTES, EXTENTS, TREE, LAYERS, ACCOUNTINGS };

#define CHUNK_SLOTS 64 /* chunks of inodes that are counted at a time */
#define LIKELY 3       /* files that had to be asked, from which on the next one is expected to */

/* A chunk of inodes. There is none where `met` is 0. */
typedef struct {
    uint64_t chunk;
    uint64_t met;
} Chunk;

typedef struct {
    /* As in contract.py. */
    int kind;
    int all;
    int64_t block;
    int64_t most_inline;
    int64_t since; /* nanoseconds */
    int64_t inode;
    int64_t entry;
    int64_t name;
    int64_t content;
    int64_t extent;
    int64_t attribute;

    /* As in Usage of contract.py. */
    Wide own;
    Wide perhaps;
    Wide shared;
    Wide metadata;
    Wide proven;
    Buffer ranges;
    Buffer linked_ranges;
    Buffer chunks;
    int64_t extents;
    Buffer encoded;
    Wide contents;

    Chunk slots[CHUNK_SLOTS];
    int upper;      /* the directory being counted is in the upper layer alone */
    int merged;     /* or it is in several layers, and what is in it may have been copied to the upper one */
    int attributed; /* the directory being counted has extended attributes */
#ifdef ON_LINUX
    int opened;     /* the entry being counted, if it was opened to read its status; else -1 */
    int asked;      /* so many regular files, one after the other, had to be asked; LIKELY at most */
    ManyExtents *many; /* room for those of a file that has many; NULL until there is one */
#endif
} Accounting;

static void
begin_accounting(Accounting *accounting)
{
#ifdef ON_LINUX
    accounting->opened = -1;
#endif
    (void)accounting;
}

static void
forget_accounting(Accounting *accounting)
{
    empty(&accounting->ranges);
    empty(&accounting->linked_ranges);
    empty(&accounting->chunks);
    empty(&accounting->encoded);
#ifdef ON_LINUX
    release(accounting->many);
#endif
}

#ifdef ON_LINUX
#define SHORTEST_SLOW_LINK 60 /* bytes of a symlink that does not fit into the inode, ext4_inode_is_fast_symlink */

/* An entry that is counted. */
typedef struct {
    Walk *walk;
    Accounting *accounting;
    int directory; /* that it is in; the root itself for the root */
    const char *name; /* "." for the root */
    const Status *status;
    int is_root;
    int is_linked; /* it has several links, and is no directory */

    /* What is found out, in bytes. */
    int64_t takes;
    int64_t own;
    int64_t perhaps;
    int64_t metadata;
    int64_t content;
    int64_t extents; /* a number, of those that are not shared */
    int shares; /* some are */
} Share;

static void
lack_memory(const Share *share)
{
    fault_at(share->walk, share->is_root ? "" : share->name, ENOMEM, "read");
}

/* Take down a range of an entry; without memory there is a fault instead. */
static void
note_range(Share *share, uint64_t start, uint64_t length)
{
    Accounting *accounting = share->accounting;
    int failed;
    share->shares = 1;
    if (share->is_linked) {
        uint64_t record[LINKED_RANGE_FIELDS] = {share->status->inode, start, length};
        failed = append(&accounting->linked_ranges, record, sizeof record) < 0;
    }
    else {
        uint64_t record[RANGE_FIELDS] = {start, length};
        failed = append(&accounting->ranges, record, sizeof record) < 0;
        add(&accounting->shared, failed ? 0 : (int64_t)length);
    }
    if (failed) {
        lack_memory(share);
    }
}

/* What was taken down before an entry is asked. */
typedef struct {
    size_t ranges;
    size_t linked_ranges;
    size_t encoded;
    Wide shared;
} Before;

static Before
before_asking(const Accounting *accounting)
{
    return (Before){accounting->ranges.used, accounting->linked_ranges.used,
                    accounting->encoded.used, accounting->shared};
}

static void
forget_since(Accounting *accounting, const Before *before)
{
    accounting->ranges.used = before->ranges;
    accounting->linked_ranges.used = before->linked_ranges;
    accounting->encoded.used = before->encoded;
    accounting->shared = before->shared;
}

/* Take a range from what an entry has of its own. */
static void
lose_range(Share *share, const Extent *extent)
{
    note_range(share, extent->physical, extent->length);
    share->own -= (uint64_t)share->own < extent->length ? share->own : (int64_t)extent->length;
}

/* EXTENTS: all that it takes is its own, but for its shared extents; -1 if they cannot be had. Behind the end of a file
 * nothing is shared: there may only be room that was made for more of it. To look for that takes time. */
static int
share_extents(Share *share, int descriptor)
{
    Extent extent;
    int more;
    Extents extents;
    begin_extents(&extents, descriptor, 0, (uint64_t)share->status->size, &share->accounting->many);
    while ((more = next_extent(&extents, &extent)) > 0) {
        if ((extent.flags & EXTENT_SHARED) != 0) {
            lose_range(share, &extent);
        }
    }
    return more;
}

/* Return by how much an entry takes more than its content does, in whole blocks. */
static int64_t
excess_of(const Share *share)
{
    const Status *status = share->status;
    uint64_t block = (uint64_t)share->accounting->block;
    int in_inode = (uint64_t)status->blocks * BLOCK % block != 0 ||
                   (S_ISLNK(status->mode) && status->size < SHORTEST_SLOW_LINK);
    uint64_t content = in_inode ? 0 : ((uint64_t)status->size + block - 1) / block * block;
    return (uint64_t)share->takes > content ? share->takes - (int64_t)content : 0;
}

/* ATTRIBUTES: all that it takes is its own, but for a block of extended attributes; -1 if that cannot be had. */
static int
share_attributes(Share *share, int descriptor)
{
    Extent extent;
    Extents extents;
    int64_t block = share->accounting->block;
    begin_extents(&extents, descriptor, OF_ATTRIBUTES, UINT64_MAX, &share->accounting->many);
    int more = next_extent(&extents, &extent);
    if (more <= 0) {
        return more;
    }
    if ((extent.flags & EXTENT_INLINE) == 0) {
        /* It has a whole cluster, which is the block that is given, though no more of it is told. */
        extent.length = extent.length < (uint64_t)block ? (uint64_t)block : extent.length;
        lose_range(share, &extent);
    }
    else if (excess_of(share) >= block) {
        /* Some are in the inode. Then nothing is said of a block (ext4_iomap_xattr_fiemap in fs/ext4/extents.c). */
        share->own -= block;
        share->perhaps = block;
    }
    return 0;
}

/* From include/uapi/linux/fcntl.h, and from fs/overlayfs/overlayfs.h. */
#define HANDLE_FID 0x200       /* AT_HANDLE_FID */
#define HANDLE_OF_OVERLAY 0xf8 /* OVL_FILEID_V1 */
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
    long result;
    handle.bytes = sizeof handle.data;
    do {
        result = syscall(SYS_name_to_handle_at, directory, name, &handle, &mount, HANDLE_FID | flags);
    } while (result < 0 && errno == EINTR);
    if (result < 0 || handle.type != HANDLE_OF_OVERLAY || handle.bytes <= OVERLAY_FLAGS_AT ||
        handle.data[OVERLAY_MAGIC_AT] != OVERLAY_MAGIC) {
        return -1;
    }
    return (handle.data[OVERLAY_FLAGS_AT] & OVERLAY_UPPER) != 0;
}

/* LAYERS: it has what it takes if it is in the upper layer alone. What was copied there from a lower layer cannot be told
 * from what is only below, but it lies in a directory that was copied, too. Such a directory has one link
 * (ovl_dir_getattr in fs/overlayfs/inode.c). */
static void
share_layers(Share *share)
{
    int upper = 1;
    if (share->is_root && share->walk->root_name[0] == '\0') {
        upper = 0; /* It counts as upper, but is made of all layers. */
    }
    else if (S_ISDIR(share->status->mode) || !share->accounting->upper) {
        upper = is_upper(share->directory, share->name, 0);
    }
    share->own = upper > 0 ? share->takes : 0;
    int may_be = S_ISDIR(share->status->mode) ? share->status->links == 1 : share->accounting->merged;
    may_be = may_be && share->status->changed >= share->accounting->since;
    share->perhaps = upper < 0 || (upper == 0 && may_be) ? share->takes : 0;
}
#endif
