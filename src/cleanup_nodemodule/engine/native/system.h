/* What the system offers: its headers, openat2(2) where there is one, the flags that directories are opened
 * with, and the limits of a call. It builds on nothing. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* With CLEANUP_NODEMODULE_PORTABLE this compiles on Linux to what it is on macOS and other systems: it reads with
 * readdir(3), opens each component of a path on its own, and cannot go on in the middle of a directory. CI tests it
 * in this way. */
#if defined(__linux__) && !defined(CLEANUP_NODEMODULE_PORTABLE)
#define ON_LINUX 1
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#endif
#ifdef __linux__
#include <sys/vfs.h>
#endif

#if defined(ON_LINUX) && !defined(__ANDROID__) && !defined(__alpha__)
#define HAVE_OPENAT2 1
#endif

#ifdef HAVE_OPENAT2
/* From include/uapi/linux/openat2.h, as some C libraries are older than the call. */
#define NR_OPENAT2 437
#define NO_XDEV 0x01
#define NO_MAGICLINKS 0x02
#define NO_SYMLINKS 0x04
#define BENEATH 0x08
struct how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
#else
#define NO_XDEV 0
#define NO_MAGICLINKS 0
#define NO_SYMLINKS 0
#define BENEATH 0
#endif

#define CONFINED (BENEATH | NO_SYMLINKS | NO_MAGICLINKS)
#define SAME_MOUNT (CONFINED | NO_XDEV)

#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif
#ifdef O_NOFOLLOW_ANY /* macOS 10.15, open(2): there may be no symlink anywhere in the path */
#define NOFOLLOW O_NOFOLLOW_ANY
#define LONGEST_STEP 1000 /* PATH_MAX is 1024 there */
#else
#define NOFOLLOW O_NOFOLLOW
#define LONGEST_STEP 0 /* each component is opened on its own */
#endif
#define FLAGS (O_RDONLY | O_DIRECTORY | NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
#if defined(O_PATH)
#define PASSING (O_PATH | O_DIRECTORY | NOFOLLOW | O_CLOEXEC)
#elif defined(O_SEARCH)
#define PASSING (O_SEARCH | O_DIRECTORY | NOFOLLOW | O_CLOEXEC)
#else
#define PASSING (O_RDONLY | O_DIRECTORY | NOFOLLOW | O_CLOEXEC)
#endif
#ifndef AT_NO_AUTOMOUNT
#define AT_NO_AUTOMOUNT 0
#endif

#define SMALLEST_ENTRY 24 /* bytes of a directory entry whose name has one byte, struct linux_dirent64 */
#define LONGEST_PATH 4000 /* bytes for one openat2(2), well below PATH_MAX (4096) */
#define MOST_ATTEMPTS 8   /* of a call that a rename got in the way of (EAGAIN) */
#define LATEST 9000000000 /* seconds since the epoch that fit into 64 bits as nanoseconds */
#define BLOCK 512         /* bytes in a unit of st_blocks, stat(3type) */
#ifdef CLEANUP_NODEMODULE_TESTING
#define LISTING 1024 /* so that even small directories are read in several pieces */
#define WIDEST 4096
#else
#define LISTING 65536     /* bytes of directory entries asked for at once */
#define WIDEST (4 << 20)  /* bytes of directory entries sorted at once, at most */
#endif
#define LONGEST_READING 200000000 /* nanoseconds to read them in; a stop waits for it */
#define MOST_REFUSED 20   /* entries of one directory that are named, for each reason why they were not deleted */
#define BATCHES 8         /* parts that one call cuts a directory into that is too large for it */
#define BATCH 65536       /* bytes of names in such a part: for each worker a few of them are in memory */
#define PATH_SHARE 64     /* bytes of the path for each name in a part, at most: long paths take little of the memory */
#ifdef CLEANUP_NODEMODULE_TESTING
#define MOST_MET 256
#else
#define MOST_MET (1 << 20) /* bytes of paths met in one directory before these are dealt with */
#endif
#define LINK_FIELDS 5     /* as in contract.py */
#define RANGE_FIELDS 2    /* as in contract.py */
#define LINKED_RANGE_FIELDS 3 /* as in contract.py */
#define ENCODED_FIELDS 2  /* as in contract.py */
#define DEVICE_SHIFT 40   /* as in contract.py */
#define WATCHED 1000      /* as in contract.py */

/* When openat2(2) turns out to be missing, or forbidden by a filter, no call tries it again. */
static atomic_int openat2_works = 1;
