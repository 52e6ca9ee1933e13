/* What deleting an entry gives back, where that is not what it takes: Accounting of contract.py. It builds on shares.h,
 * and on all that this builds on. What costs most is to open a file, so it is only opened if nothing else tells. */

#ifdef ON_LINUX
/* Return a number of bytes, rounded up to whole blocks. */
static uint64_t
in_blocks(const Accounting *accounting, int64_t bytes)
{
    uint64_t block = (uint64_t)accounting->block;
    return ((uint64_t)bytes + block - 1) / block * block;
}

/* Whether a status says that an entry has to be asked; -1 if it has to be, but is none that can be. `share` has what it
 * is if it has not. `excess` is for share_attributes. */
static int
has_to_be_asked(const Walk *walk, const Accounting *accounting, const Status *status, Share *share,
                int64_t *excess)
{
    int regular = S_ISREG(status->mode);
    int64_t takes = status->blocks * BLOCK;
    share->own = takes;
    if (status->device != walk->device) {
        return -1; /* It is a mount. */
    }
    if (accounting->kind == EXTENTS) {
        return regular && takes > 0 && (accounting->all || !status->shares_nothing);
    }
    if (accounting->kind == TREE) {
        share->own = 0;
        return regular && takes > 0 && status->size > accounting->most_inline;
    }
    if (takes < accounting->block) {
        share->own = 0;
        return 0;
    }
    int in_inode = S_ISLNK(status->mode) && status->size < SHORTEST_SLOW_LINK;
    uint64_t content = in_blocks(accounting, in_inode ? 0 : status->size);
    *excess = (uint64_t)takes > content ? takes - (int64_t)content : 0;
    int can_be = regular || S_ISDIR(status->mode);
    return can_be ? *excess > 0 || accounting->all : *excess > 0 ? -1 : 0;
}

/* Find out about an entry by opening it, if its status does not tell. */
static void
ask_entry(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status,
          Share *share)
{
    int64_t excess = 0;
    int asked = has_to_be_asked(walk, accounting, status, share, &excess);
    if (asked == 0) {
        return;
    }
    Before before = before_asking(accounting);
    int64_t metadata = share->metadata;
    int descriptor = asked > 0 ? open_to_ask(walk, directory, name, status) : -1;
    int failed = descriptor < 0;
    if (!failed && accounting->kind == EXTENTS) {
        failed = share_extents(walk, accounting, descriptor, name, status, share) < 0;
    }
    else if (!failed && accounting->kind == TREE) {
        failed = share_tree(walk, accounting, descriptor, name, status, share) < 0;
    }
    else if (!failed) {
        failed = share_attributes(walk, accounting, descriptor, name, status, excess, share) < 0;
        if (share->own < accounting->block) {
            share->own = 0; /* The rest of its content is in its inode. */
        }
    }
    let_go(descriptor);
    if (failed) {
        forget_ranges(accounting, &before);
        *share = (Share){0, status->blocks * BLOCK, metadata, 0};
    }
}

/* Find out about an entry. For the root, `directory` is the root itself, and the name is ".". */
static Share
share_of(Walk *walk, Accounting *accounting, int directory, const char *name, const Status *status)
{
    Share share = {0, 0, 0, 0};
    int is_root = strcmp(name, ".") == 0;
    int is_linked = status->links > 1 && !S_ISDIR(status->mode);
    if (accounting->kind == LAYERS) {
        int upper = 1;
        if (S_ISDIR(status->mode) || !accounting->upper) {
            /* The root of a file system counts as upper, but is made of all layers. */
            upper = is_root && walk->root_name[0] == '\0' ? 0 : is_upper(directory, name, 0);
        }
        share_layers(status, upper, &share);
        return share;
    }
    if (accounting->kind == TREE) {
        size_t length = strlen(is_root ? walk->root_name : name);
        share.metadata = accounting->entry + accounting->name * (int64_t)length;
        if (!is_linked) {
            int has_content = S_ISLNK(status->mode) || (S_ISREG(status->mode) && status->size > 0 &&
                                                        status->size <= accounting->most_inline);
            share.metadata += accounting->inode;
            share.metadata += has_content ? accounting->content + status->size : 0;
        }
    }
    int64_t metadata = share.metadata;
    ask_entry(walk, accounting, directory, name, status, &share);
    if (is_linked) {
        share.metadata = metadata;
        share.perhaps = share.proven = 0;
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
    add(&accounting->proven, share.proven ? share.metadata : 0);
    if (accounting->kind == EXTENTS && status->device == walk->device) {
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
    add(&accounting->metadata, share.metadata);
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
    forget_ranges(accounting, &before);
    subtract(&accounting->own, share.own);
    subtract(&accounting->perhaps, share.perhaps);
    subtract(&accounting->metadata, share.metadata);
}

/* Begin a directory, which is open. */
static void
account_directory(const Walk *walk, Accounting *accounting, int directory)
{
    if (accounting->kind == LAYERS) {
        int is_top = walk->path_length == 0 && walk->root_name[0] == '\0';
        accounting->upper = !is_top && is_upper(directory, "", AT_EMPTY_PATH) > 0;
    }
}

/* Write down the chunks that are still being counted. */
static void
end_accounting(Walk *walk, Accounting *accounting)
{
    for (size_t slot = 0; accounting->kind == EXTENTS && slot < CHUNK_SLOTS; slot++) {
        if (accounting->slots[slot].met > 0 &&
            append(&accounting->chunks, &accounting->slots[slot], sizeof(Chunk)) < 0) {
            fault_here(walk, ENOMEM, "read");
        }
    }
}
#else
/* On other systems nothing is asked: the kind is always AS_COUNTED. */
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
account_directory(const Walk *walk, Accounting *accounting, int directory)
{
    (void)walk, (void)accounting, (void)directory;
}

static void
end_accounting(Walk *walk, Accounting *accounting)
{
    (void)walk, (void)accounting;
}
#endif
