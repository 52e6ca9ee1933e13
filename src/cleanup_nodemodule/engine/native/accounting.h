/* What deleting an entry gives back, where that is not what it takes: Accounting of contract.py. It builds on tree.h,
 * and on all that this builds on. What costs most is to open a file, so it is only opened if nothing else tells. */

#ifdef ON_LINUX
/* Whether a regular file is expected to be asked, whatever its status says. */
static int
will_be_asked(const Accounting *accounting)
{
    return accounting->kind != LAYERS && (accounting->asked == LIKELY ||
                                          (accounting->all && accounting->kind != TREE));
}

/* Learn from a regular file whether the next one is likely to be asked. */
static void
learn(Accounting *accounting, int asked)
{
    accounting->asked = !asked ? 0 : accounting->asked < LIKELY ? accounting->asked + 1 : LIKELY;
}

/* Read the status of an entry that will be asked for more, and never of what a symlink leads to; -1 with errno. A
 * regular file that is expected to be opened is opened at once. Then it is looked up once, and not twice. */
static int
read_accounted_status(Walk *walk, Accounting *accounting, int directory, const char *name, int type,
                      Status *status)
{
    struct stat found;
    accounting->opened = -1;
    if (type == DT_REG && will_be_asked(accounting)) {
        int descriptor = open_to_ask(walk, directory, name, &found);
        if (descriptor >= 0 && S_ISREG(found.st_mode)) {
            from_stat(status, &found);
            accounting->opened = descriptor;
            return 0;
        }
        let_go(descriptor);
    }
    if (accounting->kind == EXTENTS && !accounting->all) {
        return read_wide_status(directory, name, accounting->block, status);
    }
    return read_status(directory, name, status);
}

/* Whether the status of an entry does not tell all; -1 if it does not, and the entry cannot be asked. If it does, it is
 * found out by that. */
static int
has_to_be_asked(Share *share)
{
    const Accounting *accounting = share->accounting;
    const Status *status = share->status;
    int regular = S_ISREG(status->mode);
    share->own = share->takes;
    if (status->device != share->walk->device) {
        return -1; /* Something is mounted on it. */
    }
    if (accounting->kind == EXTENTS) {
        return regular && share->takes > 0 && status->size > 0 &&
               (accounting->all || !status->shares_nothing);
    }
    if (accounting->kind == TREE) {
        share->own = 0;
        if (regular && status->size > accounting->most_inline) {
            return share->takes > 0 || (accounting->attributed && !share->is_linked);
        }
        share->content = regular ? status->size : 0;
        return regular && accounting->attributed && !share->is_linked;
    }
    /* Beside whole blocks there is content in its inode. */
    share->takes -= share->takes % accounting->block;
    share->own = share->takes;
    if (share->takes == 0) {
        return 0;
    }
    if (!regular && !S_ISDIR(status->mode)) {
        return excess_of(share) > 0 ? -1 : 0;
    }
    return accounting->all || excess_of(share) > 0;
}

/* Whether an entry of btrfs has no extents to be asked for. */
static int
is_in_tree(const Share *share)
{
    return share->takes == 0 || share->status->size <= share->accounting->most_inline;
}

/* Ask an open entry; -1 if it does not say. */
static int
ask_open(Share *share, int descriptor)
{
    if (share->accounting->kind == EXTENTS) {
        return share_extents(share, descriptor);
    }
    if (share->accounting->kind == ATTRIBUTES) {
        return share_attributes(share, descriptor);
    }
    if (!is_in_tree(share)) {
        return share_tree(share, descriptor);
    }
    share_names(share, descriptor);
    return 0;
}

/* Find out about an entry. */
static Share
share_of(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    Share share = {.walk = walk,
                   .accounting = accounting,
                   .directory = directory,
                   .name = name,
                   .status = status,
                   .is_root = name[0] == '.' && name[1] == '\0',
                   .is_linked = status->links > 1 && !S_ISDIR(status->mode),
                   .takes = status->blocks * BLOCK};
    if (accounting->kind == LAYERS) {
        share_layers(&share);
        return share;
    }
    int64_t metadata = accounting->kind == TREE ? metadata_of(&share) : 0;
    share.metadata = metadata;
    int asked = has_to_be_asked(&share);
    int descriptor = accounting->opened;
    accounting->opened = -1;
    Before before = before_asking(accounting);
    if (asked > 0 && descriptor < 0) {
        descriptor = open_known(walk, directory, name, status);
    }
    if (asked < 0 || (asked > 0 && (descriptor < 0 || ask_open(&share, descriptor) < 0))) {
        forget_since(accounting, &before);
        share.metadata = metadata;
        share.extents = share.own = 0;
        int is_known = asked > 0 && accounting->kind == TREE && is_in_tree(&share);
        share.perhaps = is_known ? 0 : share.takes;
        share.content = is_known ? share.content : 0;
    }
    let_go(descriptor);
    if (S_ISREG(status->mode) && share.takes > 0) {
        learn(accounting, accounting->kind == EXTENTS ? share.shares : asked > 0);
    }
    return share;
}

/* Count the inode of an entry with its chunk; without memory there is a fault instead. Those of a directory lie close
 * together, so few chunks are counted at a time. */
static void
count_inode(Walk *walk, Accounting *accounting, uint64_t inode)
{
    uint64_t chunk = inode / 64;
    Chunk *slot = &accounting->slots[chunk % CHUNK_SLOTS];
    if (slot->met > 0 && slot->chunk != chunk) {
        if (append(&accounting->chunks, slot, sizeof *slot) < 0) {
            fault_here(walk, ENOMEM, "read");
        }
        slot->met = 0;
    }
    slot->chunk = chunk;
    slot->met++;
}

static int
keeps_chunks(const Accounting *accounting)
{
    return accounting->kind == EXTENTS || accounting->kind == TREE;
}

/* Count an entry with one link, or a directory. */
static void
account_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    if (accounting->kind == AS_COUNTED) {
        return;
    }
    Share share = share_of(walk, accounting, directory, name, status);
    add(&accounting->own, share.own);
    add(&accounting->perhaps, share.perhaps);
    add(&accounting->metadata, share.metadata);
    add(&accounting->contents, share.content);
    accounting->extents += share.extents;
    if (share.extents > 0 && !share.shares) {
        add(&accounting->proven, share.metadata);
    }
    if (keeps_chunks(accounting) && status->device == walk->device) {
        count_inode(walk, accounting, status->inode);
    }
}

/* Count an entry with several links; returns its own bytes. */
static int64_t
account_linked(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    if (accounting->kind == AS_COUNTED) {
        return status->blocks * BLOCK;
    }
    Share share = share_of(walk, accounting, directory, name, status);
    add(&accounting->metadata, accounting->kind == TREE ? metadata_of(&share) : 0);
    /* The other links are met, too, if all of them go. */
    int64_t links = (int64_t)status->links;
    add(&accounting->perhaps, (share.perhaps + links - 1) / links);
    return share.own;
}

/* Take a directory out of what was counted, but for its ranges and its inode. */
static void
unaccount_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    if (accounting->kind == AS_COUNTED) {
        return;
    }
    Before before = before_asking(accounting);
    Share share = share_of(walk, accounting, directory, name, status);
    forget_since(accounting, &before);
    subtract(&accounting->own, share.own);
    subtract(&accounting->perhaps, share.perhaps);
    subtract(&accounting->metadata, share.metadata);
}

/* Begin walk->path, which is open. */
static void
account_directory(Walk *walk, Accounting *accounting, int directory)
{
    if (accounting->kind == LAYERS) {
        int is_top = walk->path_length == 0 && walk->root_name[0] == '\0';
        accounting->upper = !is_top && is_upper(directory, "", AT_EMPTY_PATH) > 0;
        struct stat found;
        accounting->merged = read_open_status(directory, &found) < 0 || found.st_nlink == 1;
    }
    else if (accounting->kind == TREE) {
        int lacking = 0;
        int64_t bytes = attributes_of(accounting, directory, &lacking);
        accounting->attributed = bytes > 0;
        if (walk->rest.used == 0) { /* Who goes on with it has counted them. */
            add(&accounting->metadata, bytes);
        }
        if (lacking) {
            fault_here(walk, ENOMEM, "read");
        }
    }
}

/* Write down the chunks that are still being counted. */
static void
end_accounting(Walk *walk, Accounting *accounting)
{
    for (size_t slot = 0; keeps_chunks(accounting) && slot < CHUNK_SLOTS; slot++) {
        if (accounting->slots[slot].met > 0 &&
            append(&accounting->chunks, &accounting->slots[slot], sizeof(Chunk)) < 0) {
            fault_here(walk, ENOMEM, "read");
        }
    }
}
#else
/* On other systems nothing is asked: the kind is always AS_COUNTED. */
static int
read_accounted_status(Walk *walk, Accounting *accounting, int directory, const char *name, int type,
                      Status *status)
{
    (void)walk, (void)accounting, (void)type;
    return read_status(directory, name, status);
}

static void
account_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    (void)walk, (void)accounting, (void)directory, (void)name, (void)status;
}

static int64_t
account_linked(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    (void)walk, (void)accounting, (void)directory, (void)name;
    return status->blocks * BLOCK;
}

static void
unaccount_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    (void)walk, (void)accounting, (void)directory, (void)name, (void)status;
}

static void
account_directory(Walk *walk, Accounting *accounting, int directory)
{
    (void)walk, (void)accounting, (void)directory;
}

static void
end_accounting(Walk *walk, Accounting *accounting)
{
    (void)walk, (void)accounting;
}
#endif
