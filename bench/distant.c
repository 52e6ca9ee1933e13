/* A file system that answers as one at the other end of a network does: late.

   Usage: distant DIRECTORY MICROSECONDS MOUNTPOINT [FUSE-OPTIONS]

   Shows DIRECTORY, to be read only, and lets MICROSECONDS pass before it answers a question: the
   attributes of an entry, a directory's list, the content of a file. Many questions are answered at the
   same time, as a server does. What was answered stays known for three seconds, which is what nfs(5) has
   for files (acregmin); and as NFS does it without READDIRPLUS, each entry is a question of its own. */

#define _GNU_SOURCE
#define FUSE_USE_VERSION 312

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static int shown;
static struct timespec delay;

static const char *beneath(const char *path)
{
    return path[1] ? path + 1 : ".";
}

static int late(int result)
{
    int number = errno;
    nanosleep(&delay, NULL);
    return result < 0 ? -number : result;
}

static int get_attributes(const char *path, struct stat *status, struct fuse_file_info *file)
{
    (void)file;
    return late(fstatat(shown, beneath(path), status, AT_SYMLINK_NOFOLLOW));
}

static int read_link(const char *path, char *target, size_t size)
{
    ssize_t length = readlinkat(shown, beneath(path), target, size - 1);
    if (length >= 0)
        target[length] = '\0';
    return late(length < 0 ? -1 : 0);
}

static int list(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
    (void)offset;
    (void)file;
    (void)flags;
    int descriptor = openat(shown, beneath(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!directory)
        return late(-1);
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct stat status = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
        if (fill(buffer, entry->d_name, &status, 0, 0))
            break;
    }
    closedir(directory);
    return late(0);
}

static int open_file(const char *path, struct fuse_file_info *file)
{
    int descriptor = openat(shown, beneath(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    file->fh = (uint64_t)descriptor;
    return late(descriptor < 0 ? -1 : 0);
}

static int read_file(const char *path, char *buffer, size_t size, off_t offset,
                     struct fuse_file_info *file)
{
    (void)path;
    return late((int)pread((int)file->fh, buffer, size, offset));
}

static int release(const char *path, struct fuse_file_info *file)
{
    (void)path;
    return close((int)file->fh);
}

static int about(const char *path, struct statvfs *status)
{
    (void)path;
    return late(fstatvfs(shown, status));
}

static void *begin(struct fuse_conn_info *connection, struct fuse_config *config)
{
    /* The library would ask for each entry of a directory in turn to answer it. */
    connection->want &= ~(unsigned)FUSE_CAP_READDIRPLUS;
    config->entry_timeout = config->attr_timeout = config->negative_timeout = 3;
    config->use_ino = 1;
    return NULL;
}

static const struct fuse_operations operations = {
    .init = begin,
    .getattr = get_attributes,
    .readlink = read_link,
    .readdir = list,
    .open = open_file,
    .read = read_file,
    .release = release,
    .statfs = about,
};

int main(int count, char **words)
{
    if (count < 4) {
        fprintf(stderr, "usage: %s DIRECTORY MICROSECONDS MOUNTPOINT [FUSE-OPTIONS]\n", words[0]);
        return 2;
    }
    shown = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (shown < 0) {
        perror(words[1]);
        return 1;
    }
    long microseconds = strtol(words[2], NULL, 10);
    delay = (struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000};
    words[2] = words[0];
    return fuse_main(count - 2, words + 2, &operations, NULL);
}
