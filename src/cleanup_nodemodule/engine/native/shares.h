/* What an entry has of its own and what it shares, on each kind of file system: Accounting of contract.py. It builds on
 * extents.h, and on all that this builds on. */

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
#ifdef ON_LINUX
    ManyExtents *many; /* room for those of a file that has many; NULL until there is one */
#endif
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
#ifdef ON_LINUX
    release(accounting->many);
#endif
}

#ifdef ON_LINUX
#define LONGEST_ENCODED 131072 /* bytes on the disk, BTRFS_MAX_COMPRESSED */
#define SHORTEST_SLOW_LINK 60  /* bytes of a symlink that does not fit into the inode of ext4, ext4_inode_is_fast_symlink */

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
    begin_extents(&extents, descriptor, 0, &accounting->many);
    while ((more = next_extent(&extents, &extent)) > 0) {
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
    begin_extents(&extents, descriptor, 0, &accounting->many);
    int more = next_extent(&extents, &extent);
    while (more > 0) {
        more = next_extent(&extents, &next);
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
    begin_extents(&extents, descriptor, OF_ATTRIBUTES, &accounting->many);
    int more = next_extent(&extents, &extent);
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
#endif
