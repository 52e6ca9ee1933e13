/* find: looks for directories by their names. It builds on stack.h and names.h, and on all that these build on. */

/* What to look for: Names of contract.py. */
typedef struct {
    NameSet wanted;
    NameSet skipped;
    NameSet markers;
    NameSet noticed;
    const char **globs;
    size_t glob_count;
    void *given_globs; /* a Python object, which keeps their bytes alive */
    ptrdiff_t min_depth;
    ptrdiff_t max_depth;
} Query;

/* Whether a hit may have this depth, as far as that is bounded below. */
static int
is_within(const Query *query, size_t depth)
{
    return query->max_depth < 0 || (ptrdiff_t)depth <= query->max_depth;
}

static int
is_wanted(const Query *query, const char *name)
{
    if (has_name(&query->wanted, name)) {
        return 1;
    }
    for (size_t number = 0; number < query->glob_count; number++) {
        if (fits(query->globs[number], name)) {
            return 1;
        }
    }
    return 0;
}

typedef struct {
    uint64_t device;
    uint64_t inode;
    int64_t changed;
    int mounted;
} HitEntry;

typedef struct {
    Paths paths;
    Buffer entries;
    Paths noticed;
    long long directories;
} Hits;

/* Record the directory walk->path/name as a hit; -1 without memory. There is no status of what is closed. */
static int
add_hit(Walk *walk, Hits *hits, const char *name, const Status *status)
{
    HitEntry hit = {0, 0, 0, 1};
    size_t name_length = strlen(name);
    size_t length = walk->path_length;
    if (status != NULL) {
        hit = (HitEntry){status->device, status->inode, status->changed,
                         status->device != walk->device};
    }
    if (!hit.mounted) {
        /* NAME_MAX says nothing here: file systems that store UTF-16 have longer names in UTF-8. */
        if (reserve(&walk->path, name_length + 2) < 0) {
            return -1;
        }
        if (name_length > 0) {
            if (length > 0) {
                walk->path.data[length++] = '/';
            }
            memcpy(walk->path.data + length, name, name_length + 1);
            length += name_length;
        }
        int probe = open_beneath(walk, walk->path.data, length, FLAGS);
        /* Any other error is met again, and told, when the hit is measured. */
        hit.mounted = probe < 0 && errno == EXDEV;
        let_go(probe);
        walk->path.data[walk->path_length] = '\0';
    }
    if (append(&hits->entries, &hit, sizeof hit) < 0) {
        return -1;
    }
    if (push_path(&hits->paths, walk->path.data, walk->path_length, name, name_length, 0) < 0) {
        hits->entries.used -= sizeof hit;
        return -1;
    }
    return 0;
}

static void
cut_hits(Hits *hits, size_t count, size_t noticed)
{
    cut_paths(&hits->paths, count);
    hits->entries.used = count * sizeof(HitEntry);
    cut_paths(&hits->noticed, noticed);
}

/* Record the directory walk->path/name if it is one to be noticed; -1 without memory. */
static int
notice(const Walk *walk, const Query *query, Hits *hits, const char *name)
{
    if (path_count(&hits->noticed) >= WATCHED || !has_name(&query->noticed, name)) {
        return 0;
    }
    return push_path(&hits->noticed, walk->path.data, walk->path_length, name, strlen(name), 0);
}

/* Return S_IFDIR or S_IFLNK if the last entry that was read is that, and 0 for anything else; -1 with errno. */
static int
kind_of_entry(const Walk *walk, const Listing *listing)
{
    if (listing->type == DT_UNKNOWN && is_closed(walk, listing->name)) {
        return S_IFDIR;
    }
    if (listing->type != DT_UNKNOWN) {
        return listing->type == DT_DIR ? S_IFDIR : listing->type == DT_LNK ? S_IFLNK : 0;
    }
    Status status;
    if (read_status(listing->descriptor, listing->name, &status) < 0) {
        return errno == ENOENT ? 0 : -1;
    }
    return S_ISDIR(status.mode) ? S_IFDIR : S_ISLNK(status.mode) ? S_IFLNK : 0;
}

/* Whether the number of a directory's links says how many directories are in it, as the ".." of each is a link.
 *
 * These file systems are known to count them. Others give each directory one link (btrfs, merged directories of
 * overlayfs) or two. ext4 gives one link to a directory with more than it can count ("dir_nlink", ext4(5)). find(1)
 * relies on the same (leaf_optimization in fts.c). */
static int
do_links_tell(const Walk *walk)
{
#ifdef __linux__
    switch (kind_of_system(walk)) {
    case EXT4:
    case XFS:
    case TMPFS:
        return 1;
    default:
        return 0;
    }
#else
    (void)walk;
    return 0;
#endif
}

/* Whether it is certain that an open directory has no directory in it. */
static int
is_leaf(const Walk *walk, int directory)
{
    struct stat found;
    return walk->links_tell && read_open_status(directory, &found) == 0 && found.st_nlink == 2 &&
           found.st_dev == walk->device;
}

/* Search one open directory; returns how many entries were read.
 *
 * Long: it is one loop, and what comes behind the loop needs all that was counted in it. */
static long long
search_directory(Walk *walk, const Query *query, Hits *hits, int directory)
{
    size_t depth = walk->path_length > 0;
    for (size_t at = 0; at < walk->path_length; at++) {
        depth += walk->path.data[at] == '/';
    }
    int deep = (ptrdiff_t)depth >= query->min_depth && is_within(query, depth);
    int tagged = walk->path_length > 0 && !walk->duty && (ptrdiff_t)depth > query->min_depth &&
                 is_within(query, depth - 1);
    /* What is met here is opened for what is in it, or for a marker in it, which makes a hit of the directory. */
    int further = is_within(query, depth + (query->markers.slots == NULL));
    size_t met = path_count(&walk->met);
    size_t hit = path_count(&hits->paths);
    size_t noticed = path_count(&hits->noticed);
    long long entries = 0;
    int marked = 0;
    int parts = 0;
    int more;
    Listing listing;
    /* Without directories in it, there may still be a marker, or a repository made of symlinks. */
    if (!(tagged && query->markers.slots != NULL) && !has_name(&query->wanted, ".git") &&
        is_leaf(walk, directory)) {
        return 0;
    }
    if (begin_listing(walk, &listing, directory) < 0) {
        fault_here(walk, errno, "read");
        return 0;
    }
    while ((more = next_entry(&listing)) > 0) {
        entries++;
        int kind = kind_of_entry(walk, &listing);
        if (kind < 0) {
            fault_at(walk, listing.name, errno, "stat");
            continue;
        }
        parts += is_repository_part_of((mode_t)kind, listing.name);
        if (kind != S_IFDIR) {
            marked = marked || (tagged && has_name(&query->markers, listing.name));
            continue;
        }
        if (has_name(&query->skipped, listing.name)) {
            continue;
        }
        int failed = 0;
        int closed = is_closed(walk, listing.name);
        if (deep && is_wanted(query, listing.name)) {
            Status status;
            if (!closed && read_status(directory, listing.name, &status) < 0) {
                if (errno != ENOENT) {
                    fault_at(walk, listing.name, errno, "stat");
                }
                continue;
            }
            failed = add_hit(walk, hits, listing.name, closed ? NULL : &status);
        }
        else if (!closed) {
            failed = (further && push_path(&walk->met, walk->path.data, walk->path_length, listing.name,
                               strlen(listing.name), 0) < 0) ||
                     (deep && notice(walk, query, hits, listing.name) < 0);
        }
        if (failed) {
            fault_at(walk, listing.name, ENOMEM, "search");
        }
    }
    if (more < 0) {
        /* What was read before the error counts. The fault says that there is more. */
        fault_here(walk, errno, "read");
    }
    else if (parts == REPOSITORY_PARTS && is_bare_repository(walk, directory)) {
        /* A bare repository. Its branches may have any name, such as dist. */
        cut_paths(&walk->met, met);
        cut_hits(hits, hit, noticed);
        marked = has_name(&query->wanted, ".git");
    }
    if (more >= 0 && marked) {
        /* The whole directory is a hit. What was met in it is a part of it. */
        struct stat found;
        Status status;
        cut_paths(&walk->met, met);
        cut_hits(hits, hit, noticed);
        if (read_open_status(directory, &found) < 0) {
            fault_here(walk, errno, "stat");
        }
        else {
            from_stat(&status, &found);
            if (add_hit(walk, hits, "", &status) < 0) {
                fault_here(walk, ENOMEM, "search");
            }
        }
    }
    end_listing(&listing);
    return entries;
}

static void
search(Call *call, const Query *query, Hits *hits)
{
    Walk *walk = &call->walk;
    if (open_root(call, 1) < 0) {
        fault_here(walk, errno, "open");
        drop_stack(walk);
        return;
    }
    walk->links_tell = do_links_tell(walk);
    while (call->budget > 0) {
        int taken = next_path(walk);
        if (taken <= 0) {
            walk->no_memory |= taken < 0;
            break;
        }
        int directory = open_to_read(walk);
        if (directory < 0) {
            if (!is_gone(errno) && errno != EXDEV) {
                fault_here(walk, errno, "open");
            }
            continue;
        }
        size_t met = path_count(&walk->met);
        hits->directories++;
        call->budget -= search_directory(walk, query, hits, directory) + 1;
        be_through(walk, directory, met);
    }
}
