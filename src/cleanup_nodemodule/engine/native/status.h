/* What one entry is: its status, whether it is part of a git repository, and whether only its owner may delete it.
 * And sums of sizes, which need more than 64 bits. It builds on walk.h. */

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
    int shares_nothing; /* it is known to have no extent that is shared */
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
    /* From the year 2255 on a time becomes LATEST, as times after 2262 do not fit. */
    int64_t seconds = changed->tv_sec;
    seconds = seconds > LATEST ? LATEST : seconds < -LATEST ? -LATEST : seconds;
    status->changed = seconds * 1000000000 + changed->tv_nsec;
    status->shares_nothing = 0;
}

/* Read the status of `name` in `directory`, and never of what a symlink leads to; -1 with errno.
 *
 * This is fstatat(2) and not statx(2). For the fields that are needed here, statx took a tenth longer for each entry on
 * ext4 with a warm cache. A network file system has to fetch these fields for both. */
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

#ifdef ON_LINUX
/* From include/uapi/linux/stat.h, as C libraries are older than its last fields. */
typedef struct {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t reserved;
} StatusTime;

typedef struct {
    uint32_t mask;
    uint32_t block_size;
    uint64_t attributes;
    uint32_t links;
    uint32_t owner;
    uint32_t group;
    uint16_t mode;
    uint16_t spare;
    uint64_t inode;
    uint64_t size;
    uint64_t blocks;
    uint64_t attributes_mask;
    StatusTime accessed, created, changed, modified;
    uint32_t special_major, special_minor;
    uint32_t device_major, device_minor;
    uint64_t mount;
    uint32_t memory_alignment;
    uint32_t write_alignment; /* stx_dio_offset_align */
    uint64_t subvolume;
    uint32_t atomic_writes[3];
    uint32_t read_alignment; /* stx_dio_read_offset_align */
    uint32_t spares[18];
} WideStatus;
_Static_assert(sizeof(WideStatus) == 256, "struct statx");
_Static_assert(offsetof(WideStatus, write_alignment) == 156, "struct statx");
_Static_assert(offsetof(WideStatus, read_alignment) == 180, "struct statx");

#define BASIC_FIELDS 0x7ff       /* STATX_BASIC_STATS */
#define WRITE_ALIGNMENT 0x2000   /* STATX_DIOALIGN */
#define READ_ALIGNMENT 0x20000   /* STATX_DIO_READ_ALIGN */

/* The same as read_status, and find out whether it shares nothing.
 *
 * Who writes to a file without the cache has to write whole units of the disk. XFS asks for whole blocks of its own
 * once the file may have shared extents, as it has to write these elsewhere (xfs_report_dioalign in fs/xfs/xfs_iops.c,
 * since Linux 6.14). For reading nothing changes, so the two differ then. If a unit of the disk is as large as a block,
 * nothing tells. */
static int
read_wide_status(int directory, const char *name, int64_t block, Status *status)
{
    WideStatus found;
    long result;
    do {
        result = syscall(SYS_statx, directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                         BASIC_FIELDS | WRITE_ALIGNMENT | READ_ALIGNMENT, &found);
    } while (result < 0 && errno == EINTR);
    if (result < 0) {
        /* There may be no such call, or a filter may forbid it. */
        return errno == ENOENT ? -1 : read_status(directory, name, status);
    }
    status->mode = found.mode;
    status->owner = found.owner;
    status->device = makedev(found.device_major, found.device_minor);
    status->inode = found.inode;
    status->links = found.links;
    status->size = (int64_t)found.size;
    status->blocks = (int64_t)found.blocks;
    status->modified = found.modified.seconds;
    status->changed = 0; /* Nobody asks for it here. */
    uint32_t known = WRITE_ALIGNMENT | READ_ALIGNMENT;
    status->shares_nothing = (found.mask & known) == known && found.write_alignment > 0 &&
                             found.write_alignment == found.read_alignment &&
                             found.write_alignment < block;
    return 0;
}
#endif

#ifdef __linux__
/* Types of file systems in statfs(2). The first one is also that of ext2 and ext3. */
#define EXT4 0xEF53
#define XFS 0x58465342
#define TMPFS 0x01021994
#define BTRFS 0x9123683E

/* Return the type of the root's file system; 0 if that is not known. */
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

/* A sum of sizes. Each size may be the largest possible number, as a sparse file costs nothing. */
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

/* Whether a directory is a git repository without a work tree. The caller has seen the two other parts; git asks for
 * these three (is_git_directory in setup.c). HEAD may be a symlink, which git itself once made, and the others may be
 * symlinks to another disk. Nothing is followed to see what they lead to. */
static int
is_bare_repository(const Walk *walk, int directory)
{
    Status status;
    /* If something is mounted there, it may be a HEAD. */
    return is_closed(walk, "HEAD") || (read_status(directory, "HEAD", &status) == 0 &&
                                       (S_ISREG(status.mode) || S_ISLNK(status.mode)));
}

/* Whether an entry of that kind is one of the other parts. */
static int
is_repository_part_of(mode_t kind, const char *name)
{
    return (S_ISDIR(kind) || S_ISLNK(kind)) &&
           (strcmp(name, "objects") == 0 || strcmp(name, "refs") == 0);
}
#define REPOSITORY_PARTS 2

#ifdef ON_LINUX
/* Whether an open directory has both of them. */
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

/* Whether the sticky bit of a directory says that this user may not delete what `owner` has in it (inode(7)).
 *
 * The kernel lets root delete it nevertheless. We do not. */
static int
is_only_for_owner(const struct stat *around, uid_t owner, uid_t user)
{
    return (around->st_mode & S_ISVTX) != 0 && owner != around->st_uid && owner != user;
}

/* Whether the error of opening a directory says that it has been deleted or replaced since it was listed. */
static int
is_gone(int number)
{
    return number == ENOENT || number == ENOTDIR || number == ELOOP;
}
