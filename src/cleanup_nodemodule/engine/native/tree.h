/* What an entry of btrfs has of its own, what it shares, and what it takes in the tree: TREE of contract.py. Only on
 * Linux. It builds on shares.h, and on all that this builds on. */

#ifdef ON_LINUX
#include <sys/xattr.h>

#define LONGEST_ENCODED 131072 /* bytes on the disk, BTRFS_MAX_COMPRESSED */
#define LONGEST_NAMES 65536    /* bytes of the names of all extended attributes, XATTR_LIST_MAX */
#ifdef CLEANUP_NODEMODULE_TESTING
#define FEW_NAMES 16
#else
#define FEW_NAMES 2048
#endif

/* Return what the extended attributes of an open entry take in the tree; those that cannot be had take nothing. `lacking`
 * is set without memory. */
static int64_t
attributes_of(const Accounting *accounting, int descriptor, int *lacking)
{
    char few[FEW_NAMES];
    char *names = few, *many = NULL;
    ssize_t length = flistxattr(descriptor, few, sizeof few);
    if (length < 0 && errno == ERANGE) {
        names = many = resize(NULL, LONGEST_NAMES);
        *lacking |= many == NULL;
        length = many == NULL ? 0 : flistxattr(descriptor, many, LONGEST_NAMES);
    }
    int64_t bytes = 0;
    for (ssize_t at = 0; at < length;) {
        size_t name = strlen(names + at);
        ssize_t value = fgetxattr(descriptor, names + at, NULL, 0);
        bytes += value < 0 ? 0 : accounting->attribute + (int64_t)name + value;
        at += (ssize_t)name + 1;
    }
    release(many);
    return bytes;
}

/* Count what the attributes of an open entry take. */
static void
share_names(Share *share, int descriptor)
{
    int lacking = 0;
    share->metadata += attributes_of(share->accounting, descriptor, &lacking);
    if (lacking) {
        lack_memory(share);
    }
}

/* An extent of a file, and what is known of it from those around it. */
typedef struct {
    Extent extent;
    uint64_t most; /* bytes that it takes on the disk, at most */
    int known;     /* it takes just these */
    int held;      /* its bytes are among those that were overwritten and may still be held */
} Placed;

/* Find out what an extent takes on the disk; `next` is the one behind it in the file, or NULL. */
static void
place_extent(Placed *placed, const Extent *next)
{
    const Extent *extent = &placed->extent;
    placed->known = 1;
    placed->most = extent->length;
    if ((extent->flags & EXTENT_ENCODED) != 0) {
        uint64_t most = extent->length < LONGEST_ENCODED ? extent->length : LONGEST_ENCODED;
        uint64_t gap = next != NULL && next->logical == extent->logical + extent->length &&
                               next->physical > extent->physical
                           ? next->physical - extent->physical
                           : 0;
        placed->known = gap > 0 && gap <= most;
        placed->most = placed->known ? gap : most;
    }
}

/* Count an extent that is on the disk. */
static void
count_extent(Share *share, const Placed *placed)
{
    Accounting *accounting = share->accounting;
    if ((placed->extent.flags & EXTENT_SHARED) != 0) {
        note_range(share, placed->extent.physical, placed->most);
        return;
    }
    uint64_t block = (uint64_t)accounting->block;
    share->extents++;
    share->own += placed->known ? (int64_t)placed->most : accounting->block;
    if ((placed->extent.flags & EXTENT_ENCODED) != 0) {
        uint64_t besides = placed->known || placed->most < block ? 0 : placed->most - block;
        uint64_t record[ENCODED_FIELDS] = {placed->extent.physical, besides};
        if (share->is_linked) {
            share->perhaps += (int64_t)besides;
        }
        else if (append(&accounting->encoded, record, sizeof record) < 0) {
            lack_memory(share);
        }
    }
}

/* Count what may still be held of what was overwritten between two extents that follow one another in the file. */
static void
count_held(Share *share, Placed *before, Placed *behind)
{
    if (before->known && behind->extent.physical == before->extent.physical + before->most) {
        return;
    }
    uint64_t mine = (before->extent.flags & EXTENT_SHARED) != 0 ? 0 : before->most;
    uint64_t its = (behind->extent.flags & EXTENT_SHARED) != 0 ? 0 : behind->most;
    Placed *longer = mine >= its ? before : behind;
    share->perhaps += longer->held ? 0 : (int64_t)(mine >= its ? mine : its);
    longer->held = 1;
}

/* Count the extents of an open file; -1 if they cannot be had. */
static int
share_tree(Share *share, int descriptor)
{
    const Accounting *accounting = share->accounting;
    Placed before, placed;
    Extent next;
    int has_before = 0;
    Extents extents;
    begin_extents(&extents, descriptor, 0, UINT64_MAX, &share->accounting->many);
    int more = next_extent(&extents, &placed.extent);
    while (more > 0) {
        more = next_extent(&extents, &next);
        if (more < 0) {
            break;
        }
        if ((placed.extent.flags & EXTENT_INLINE) != 0) {
            uint64_t most = (uint64_t)share->status->size;
            int64_t content = (int64_t)(placed.extent.length < most ? placed.extent.length : most);
            share->content += content;
            share->metadata += accounting->content + content;
        }
        else {
            place_extent(&placed, more > 0 ? &next : NULL);
            placed.held = 0;
            share->metadata += accounting->extent;
            count_extent(share, &placed);
            if (has_before) {
                count_held(share, &before, &placed);
            }
            before = placed;
            has_before = 1;
        }
        placed.extent = next;
    }
    if (more == 0 && !share->is_linked) {
        share_names(share, descriptor);
    }
    return more;
}

/* Return the bytes in the tree that the status of an entry tells. */
static int64_t
metadata_of(const Share *share)
{
    const Accounting *accounting = share->accounting;
    const Status *status = share->status;
    size_t length = strlen(share->is_root ? share->walk->root_name : share->name);
    int64_t bytes = accounting->entry + accounting->name * (int64_t)length;
    if (share->is_linked) {
        return bytes;
    }
    int has_content =
        S_ISLNK(status->mode) ||
        (S_ISREG(status->mode) && status->size > 0 && status->size <= accounting->most_inline);
    return bytes + accounting->inode + (has_content ? accounting->content + status->size : 0);
}
#endif
