/* measure: counts bytes, files and directories. It builds on stack.h, watch.h and accounting.h, and on all that these
 * build on. */

typedef struct {
    Wide apparent;
    Wide blocks;
    Wide directory_blocks; /* what directories have of `blocks` */
    int64_t files;
    int64_t directories;
    int64_t newest;
    Buffer links;
    Paths mounts;
    Paths repositories;
    Paths foreign;
    const struct stat *around; /* the directory being counted, if it is sticky and nothing in it was named yet */
    uid_t user;
    Watch *watch; /* NULL: nothing is watched for */
    Accounting accounting;
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

/* Record walk->path, or the entry `name` of it; without memory there is a fault instead. */
static void
note_path(Walk *walk, Paths *paths, const char *name)
{
    if (push_path(paths, walk->path.data, walk->path_length, name, strlen(name), 0) < 0) {
        fault_at(walk, name, ENOMEM, "read");
    }
}

/* Count the entry `name` of an open directory. */
static void
count_entry(Walk *walk, Sums *sums, int directory, const char *name, int type, int *parts)
{
    Status status;
    if (is_closed(walk, name)) {
        /* It may be anything, so it may make this a repository. */
        *parts += is_repository_part_of(S_IFDIR, name);
        if (strcmp(name, ".git") == 0) {
            note_path(walk, &sums->repositories, "");
        }
        if (sums->watch != NULL) {
            look_at_closed(walk, sums->watch, name);
        }
        return;
    }
    int failed =
        sums->accounting.kind == AS_COUNTED
            ? read_status(directory, name, &status)
            : read_accounted_status(walk, &sums->accounting, directory, name, type, &status);
    if (failed < 0) {
        if (errno != ENOENT) {
            fault_at(walk, name, errno, "stat");
        }
        return;
    }
    if (sums->around != NULL && is_only_for_owner(sums->around, status.owner, sums->user)) {
        note_path(walk, &sums->foreign, name);
        sums->around = NULL;
    }
    if (sums->watch != NULL) {
        look_at(walk, sums->watch, name, &status);
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
        /* The duty: whether it has the sticky bit (stack.h). */
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
            int64_t own = account_linked(walk, &sums->accounting, directory, name, &status);
            uint64_t device = status.device == walk->device ? 0 : (uint64_t)status.device;
            uint64_t record[LINK_FIELDS] = {status.inode ^ (device << DEVICE_SHIFT), status.links,
                                            (uint64_t)status.size, (uint64_t)status.blocks * BLOCK,
                                            (uint64_t)own};
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
    account_entry(walk, &sums->accounting, directory, name, &status);
}

/* Count what is in an open directory; returns the number of entries. */
static long long
measure_directory(Walk *walk, Sums *sums, int directory, long long most)
{
    long long entries = 0;
    int parts = 0;
    size_t met = path_count(&walk->met);
    size_t before = walk->met.bytes.used;
    if (has_names(walk)) {
        for (size_t at = 0; at < walk->rest.used;) {
            count_entry(walk, sums, directory, walk->rest.data + at, DT_UNKNOWN, &parts);
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
        count_entry(walk, sums, directory, listing.name, listing.type, &parts);
        entries++;
#ifdef ON_LINUX
        if (entries >= most || are_enough(walk, before)) {
            /* No part sees the whole directory, so whether it is a repository is checked here. */
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
    /* The call that began the directory checks this, and not one that goes on with it. */
    if (walk->rest.used == 0 && parts == REPOSITORY_PARTS && is_bare_repository(walk, directory)) {
        note_path(walk, &sums->repositories, "");
    }
    end_listing(&listing);
    return entries;
}

/* Take a directory out of the sums: it turned out to be a mount point of the same file system. */
static void
take_back(Walk *walk, Sums *sums)
{
    note_path(walk, &sums->mounts, "");
    if (walk->rest.used > 0) {
        return; /* The call that began this directory has counted it, and so it stays counted. */
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
        unaccount_entry(walk, &sums->accounting, parent, name, &status);
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
    account_entry(walk, &sums->accounting, walk->root, ".", &status);
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
    begin_accounting(&sums->accounting);
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
        account_directory(walk, &sums->accounting, directory);
        size_t met = path_count(&walk->met);
        call->budget -= measure_directory(walk, sums, directory, most) + 1;
        be_through(walk, directory, met);
    }
    end_accounting(walk, &sums->accounting);
}
