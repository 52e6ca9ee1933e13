/* Deletes one entry of an open directory. Calls that delete names of the same file take turns; they are the only
 * ones that wait for each other. It builds on status.h. */

/* Remove an entry; -1 with errno. */
static int
unlink_entry(int directory, const char *name, int flags)
{
    int interrupted = 0;
    for (;;) {
        if (unlinkat(directory, name, flags) == 0) {
            return 0;
        }
        if (errno != EINTR) {
            /* A file system in user space may have removed it, and been interrupted nevertheless. */
            return interrupted && errno == ENOENT ? 0 : -1;
        }
        interrupted = 1;
    }
}

/* A file with several names, one of which a call is deleting. Two calls that delete two names of a file would both see
 * that there is another name, and neither would count the bytes that the last name gives back. So they take turns. A
 * call waits only for a call at the same file, as the system may never answer for another file or disk. The calls are
 * in a list, each on the stack of its thread. All interpreters of the process share the list. */
typedef struct turn {
    dev_t device;
    uint64_t inode;
    struct turn *next;
} Turn;
static Turn *turns;
static pthread_mutex_t turns_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_ended = PTHREAD_COND_INITIALIZER;

static int
is_taken(const Turn *turn)
{
    for (const Turn *other = turns; other != NULL; other = other->next) {
        if (other->inode == turn->inode && other->device == turn->device) {
            return 1;
        }
    }
    return 0;
}

static void
begin_turn(Turn *turn)
{
    pthread_mutex_lock(&turns_lock);
    while (is_taken(turn)) {
        pthread_cond_wait(&turn_ended, &turns_lock);
    }
    turn->next = turns;
    turns = turn;
    pthread_mutex_unlock(&turns_lock);
}

static void
end_turn(const Turn *turn)
{
    pthread_mutex_lock(&turns_lock);
    Turn **at = &turns;
    while (*at != turn) {
        at = &(*at)->next;
    }
    *at = turn->next;
    pthread_cond_broadcast(&turn_ended);
    pthread_mutex_unlock(&turns_lock);
}

/* Remove a file with that status, which is read again if the file has several names; -1 with errno. */
static int
unlink_file(int directory, const char *name, Status *status)
{
    if (status->links <= 1) {
        return unlink_entry(directory, name, 0);
    }
    Turn turn = {status->device, status->inode, NULL};
    begin_turn(&turn);
    int result = read_status(directory, name, status);
    if (result == 0) {
        result = unlink_entry(directory, name, 0);
    }
    int number = errno;
    end_turn(&turn);
    errno = number;
    return result;
}
