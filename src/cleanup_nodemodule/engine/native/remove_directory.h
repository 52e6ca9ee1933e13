/* Opens a directory that is to be emptied, and removes one that is empty, with as many around it as its entry says.
 * Nothing is deleted that only its owner may delete. It builds on stack.h and remove_file.h. */

typedef struct {
    int64_t files;
    int64_t directories;
    Wide blocks;
    Wide directory_blocks; /* what directories have of `blocks` */
    Paths blocked;
    Paths elsewhere;
    int root; /* this call has removed it */
    int include_foreign;
    uid_t user;
    struct stat top;           /* the root */
    const struct stat *around; /* the directory being emptied, if its sticky bit counts */
    /* Groups of inodes (Groups in contract.py); 0: there are none. */
    unsigned long groups;
    unsigned long group;
    unsigned int shift; /* the number of a group is that of an inode, shifted by so much */
} Removed;

#define DELETE "delete"
#define DELETE_FOREIGN "delete, as only its owner may," /* the sticky bit says so */

/* Open `name` in an open directory with the status `around`, unless only its owner may delete it; -1 with errno. */
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

/* Open path[:length], one directory after the other from the root on, and check that none of them lies in a sticky
 * directory where only its owner may delete it. This was checked when each was met. But since then, the owner of the
 * directory around one may have put another one in its place. What was opened is kept open, as the next path often goes
 * on from there. -1 with errno and `doing`. */
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

/* Open walk->path to empty it; -1 with errno and `doing`.
 *
 * The user root gets only the same directory that pass_to finds, where root may delete it. It is opened by its whole
 * path nevertheless, as a directory that was moved out of the tree since then is not found there any more. The kernel
 * stops ordinary users from deleting what others own. */
static int
open_to_empty(Walk *walk, const Removed *removed, struct stat *found, const char **doing)
{
    int directory = open_to_change(walk, walk->path.data, walk->path_length, FLAGS, found);
    if (directory < 0 || removed->include_foreign || removed->user != 0 || walk->path_length == 0) {
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
        /* A directory around it was moved since pass_to saw it. */
        forget_around(&walk->passed);
    }
    let_go(directory);
    return -1;
}

/* Remove the empty directory path[:length], which is not the root; -1 with errno and `doing`. */
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
    if (result == 0 && !removed->include_foreign && removed->user == 0) {
        if (status.owner != removed->user && status.owner != removed->top.st_uid) {
            /* The owner of the directory around it may have put another one in its place since it was emptied. */
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

/* Remove the root, if it is still the same inode; -1 with errno. */
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

/* Remove walk->path, which has been emptied, and as many directories around it as its duty says (stack.h).
 *
 * If one is not empty, another call may be at work beneath it, or another program writes to it. The caller tries it
 * again later. */
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
