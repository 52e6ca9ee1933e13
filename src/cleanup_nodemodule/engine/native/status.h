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
