/* remove: deletes what is in directories, and then these. It builds on remove_file.h, remove_directory.h and
 * stack.h. */

/* The entries of one directory that could not be deleted for one reason. */
typedef struct {
    int number;
    const char *doing;
    size_t count;
} Refused;
#define REASONS 8 /* that are counted; entries with other reasons are all named */

/* Record that an entry could not be deleted; after the first few, only their number. */
static void
refuse(Walk *walk, Refused *refused, const char *name, int number, const char *doing)
{
    int reason = 0;
    while (reason < REASONS && refused[reason].count > 0 &&
           (refused[reason].number != number || strcmp(refused[reason].doing, doing) != 0)) {
        reason++;
    }
    if (reason < REASONS) {
        refused[reason].number = number;
        refused[reason].doing = doing;
        if (refused[reason].count++ >= MOST_REFUSED) {
            return;
        }
    }
    fault_at(walk, name, number, doing);
}

/* Leave a directory for later: for this call, or for one that deletes in its group of inodes; -1 without memory. */
static int
leave(Walk *walk, Removed *removed, const char *name, uint64_t inode)
{
    unsigned long group = removed->group;
    if (removed->groups > 0) {
        group = (unsigned long)((inode >> removed->shift) % removed->groups);
    }
    /* If the calls for other groups have so much to do already, this one does it, so that the memory does not grow. */
    int is_ours = group == removed->group || removed->elsewhere.bytes.used > MOST_MET;
    Paths *paths = is_ours ? &walk->met : &removed->elsewhere;
    if (push_path(paths, walk->path.data, walk->path_length, name, strlen(name), 0) < 0) {
        return -1;
    }
    path_entry(paths, path_count(paths) - 1)->group = group;
    return 0;
}

/* Delete the entry `name` of an open directory. A directory goes onto the stack instead.
 *
 * Returns 1 if the entry cannot be deleted, so that the directory around it stays as well. */
static int
remove_entry(Call *call, Removed *removed, int directory, const char *name, int type,
             uint64_t inode, Refused *refused)
{
    Walk *walk = &call->walk;
    Status status;
    int is_directory = type == DT_DIR;
    int failed = 0;
    if (!is_directory || removed->around != NULL) {
        failed = read_status(directory, name, &status) < 0;
        is_directory = !failed && S_ISDIR(status.mode);
        inode = failed ? 0 : status.inode;
    }
    if (!failed && removed->around != NULL &&
        is_only_for_owner(removed->around, status.owner, removed->user)) {
        refuse(walk, refused, name, EPERM, DELETE_FOREIGN);
        return 1;
    }
    if (is_directory) {
        if (leave(walk, removed, name, inode) < 0) {
            fault_at(walk, name, ENOMEM, DELETE);
            return 1;
        }
        return 0;
    }
    if (!failed && unlink_file(directory, name, &status) == 0) {
        removed->files++;
        call->budget--;
        /* The space comes back with the last link. */
        add(&removed->blocks, status.links <= 1 ? status.blocks : 0);
        return 0;
    }
    if (errno == ENOENT) {
        return 0;
    }
    refuse(walk, refused, name, errno, DELETE);
    return 1;
}

/* Delete what is in an open directory. Directories go onto the stack.
 *
 * Returns whether the directory itself is to be removed now.
 *
 * Long: it is one loop, and what comes behind the loop needs all that was counted in it. */
static int
remove_entries(Call *call, Removed *removed, int directory, long long most)
{
    Walk *walk = &call->walk;
    size_t met = path_count(&walk->met);
    size_t before = walk->met.bytes.used;
    size_t elsewhere = path_count(&removed->elsewhere);
    Refused refused[REASONS];
    int stays = 0;
    int more = 0;
    int named = has_names(walk);
    Listing listing;
    if (is_at_end(walk)) {
        return 1;
    }
    memset(refused, 0, sizeof refused);
    if ((!named && go_on(walk, directory) < 0) ||
        begin_listing(walk, &listing, directory) < 0) {
        fault_here(walk, errno, "read");
        return 0;
    }
    listing.removing = 1;
    if (named) {
        for (size_t at = 0; at < walk->rest.used;) {
            remove_entry(call, removed, directory, walk->rest.data + at, DT_UNKNOWN, 0, refused);
            at += strlen(walk->rest.data + at) + 1;
            if (leave_names(walk, at, met, before)) {
                break;
            }
        }
    }
    else {
        while ((more = next_entry(&listing)) > 0) {
            stays |= remove_entry(call, removed, directory, listing.name, listing.type,
                                  listing.inode, refused);
#ifdef ON_LINUX
            if (call->budget <= 0 || are_enough(walk, before)) {
                break;
            }
#else
            /* Not if something was refused: a call that begins again would be refused again, without end. */
            if (call->budget <= 0 && !stays) {
                break;
            }
#endif
        }
    }
    if (more < 0) {
        fault_here(walk, errno, "read");
        stays = 1;
    }
    for (int reason = 0; reason < REASONS; reason++) {
        if (refused[reason].count > MOST_REFUSED) {
            add_fault(walk, "", 0, refused[reason].number, refused[reason].doing,
                      refused[reason].count - MOST_REFUSED);
        }
    }
    if (more > 0) {
        /* The rest is for other calls. The entry that goes on is below the directories met here, as the call that
         * takes it removes this directory. */
#ifdef ON_LINUX
        /* With groups, all names are in the same group, which has one call at a time: the fewer parts, the better.
         * And if some of the budget is left, names are only read to the next place where another call can go on. */
        share_out(walk, &listing, most, met, removed->groups > 0 || call->budget > 0 ? 0 : BATCHES);
#else
        if (insert_rest(walk, met, listing.next) < 0) {
            fault_here(walk, ENOMEM, "delete");
        }
#endif
    }
    (void)most;
    end_listing(&listing);
    if (more > 0 || named || stays) {
        return 0;
    }
    /* The entry that is dealt with last gets the duty to remove this directory. If some are for other calls, it is
     * probably one of these. */
    PathEntry *last = path_count(&removed->elsewhere) > elsewhere
                          ? path_entry(&removed->elsewhere, elsewhere)
                      : path_count(&walk->met) > met ? path_entry(&walk->met, met)
                                                     : NULL;
    if (last != NULL) {
        last->duty = walk->duty + 1;
    }
    return last == NULL;
}

/* Whether this user may delete the root itself. If not, there is a fault. */
static int
may_remove_root(Walk *walk, Removed *removed)
{
    struct stat around;
    if (read_open_status(walk->root, &removed->top) < 0 ||
        read_open_status(walk->parent, &around) < 0) {
        fault_here(walk, errno, "stat");
        return 0;
    }
    if (!removed->include_foreign && is_only_for_owner(&around, removed->top.st_uid, removed->user)) {
        fault_here(walk, EPERM, DELETE_FOREIGN);
        return 0;
    }
    return 1;
}

static void
remove_all(Call *call, Removed *removed)
{
    Walk *walk = &call->walk;
    long long most = call->budget;
    walk->by_inode = 1;
    walk->widely = -1;
    if (open_root(call, 0) < 0) {
        if (errno != ENOENT) {
            fault_here(walk, errno, "open");
        }
        drop_stack(walk);
        return;
    }
    if (!may_remove_root(walk, removed)) {
        drop_stack(walk);
        return;
    }
    while (call->budget > 0) {
        int taken = next_path(walk);
        if (taken <= 0) {
            walk->no_memory |= taken < 0;
            break;
        }
        struct stat found;
        const char *doing = "open";
        int directory = open_to_empty(walk, removed, &found, &doing);
        int emptied = 1;
        if (directory >= 0) {
            removed->around = removed->include_foreign || !(found.st_mode & S_ISVTX) ? NULL : &found;
            emptied = remove_entries(call, removed, directory, most);
            let_go(directory);
        }
        else if (!is_gone(errno)) {
            fault_here(walk, errno, doing);
            emptied = 0;
        }
        else {
            /* It may have been moved away together with the directories around it, which belong to others then. */
            forget_around(&walk->around);
            forget_around(&walk->passed);
            emptied = !has_names(walk);
        }
        if (emptied) {
            remove_upwards(call, removed);
        }
    }
}
