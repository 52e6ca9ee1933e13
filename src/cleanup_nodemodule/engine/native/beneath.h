/* Opens directories beneath a root, without following anything on the way there. _beneath.py does the same for
 * the Python engine. It builds on walk.h. */

/* Read the status of what is open; -1 with errno. */
static int
read_open_status(int descriptor, struct stat *found)
{
    int result;
    do {
        result = fstat(descriptor, found);
    } while (result < 0 && errno == EINTR);
    return result;
}

/* Open `path` beneath `directory` in one call, and try again if the kernel asks for that; -1 with errno. */
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

/* Close, and keep errno as it is. Linux releases the descriptor even if close(2) fails. */
static void
let_go(int descriptor)
{
    int kept = errno;
    if (descriptor >= 0) {
        close(descriptor);
    }
    errno = kept;
}

/* Open `path` beneath `start` in as few steps as possible; `start` stays open.
 *
 * The path is cut in place, and is whole again at the end. Returns -1 with errno. */
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

/* Return a descriptor if it is on the root's device, and read its status into `found`. Otherwise close it, and return
 * -1 with errno; also if nothing was opened. */
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

/* The same for a directory in which something is to be deleted. A subvolume of btrfs is no mount point, so openat2(2)
 * enters it; its device gives it away. `measure` has seen the device before. */
static int
open_to_change(const Walk *walk, char *path, size_t length, int flags, struct stat *found)
{
    return on_device(walk, open_beneath(walk, path, length, flags), found);
}

/* Return the length of the path of the directory around it; the last name of the path begins at `*name`. */
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

/* Keep a directory open, and take over its descriptor; without memory it is closed. */
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

/* Open walk->path to read it, through the directory around it if that is kept open; -1 with errno. */
static int
open_to_read(const Walk *walk)
{
    const char *name;
    size_t length = parent_length(walk->path.data, walk->path_length, &name);
    /* Without openat2(2) the device would have to be checked as well. */
    if (walk->openat2 && walk->path_length > 0 && is_around(&walk->around, walk->path.data, length)) {
        return open_step(walk->around.descriptor, name, FLAGS, SAME_MOUNT, 1);
    }
    return open_beneath(walk, walk->path.data, walk->path_length, FLAGS);
}

/* Whether openat2(2) can be used; -1 with errno if that is not known now. Then nothing may be opened without it
 * either, as bind mounts of the same file system would not be noticed. */
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

/* Open the root and the directory around it, and check that the root is the inode it has to be.
 *
 * `path` is absolute and writable, and ends with a NUL. Returns -1 with errno. */
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

static int
open_root(Call *call, int mount_ok)
{
    return open_tree(&call->walk, call->root_path.data, call->root_path.used - 1, mount_ok);
}
