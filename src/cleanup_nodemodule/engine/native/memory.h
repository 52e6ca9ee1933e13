/* Memory that grows: bytes (Buffer) and lists of paths (Paths). It builds on system.h. */

#ifdef CLEANUP_NODEMODULE_TESTING
/* In the build for tests any allocation can be made to fail, and what is held is counted. */
static atomic_long allocations_until_failure = -1;
static atomic_long held;

static void *
resize(void *old, size_t size)
{
    if (allocations_until_failure >= 0 && atomic_fetch_sub(&allocations_until_failure, 1) == 0) {
        allocations_until_failure = -1;
        return NULL;
    }
    void *new = realloc(old, size);
    if (new != NULL && old == NULL) {
        held++;
    }
    return new;
}

static void
release(void *memory)
{
    if (memory != NULL) {
        held--;
    }
    free(memory);
}
#else
#define resize realloc
#define release free
#endif

/* Bytes that grow at the end. */
typedef struct {
    char *data;
    size_t used;
    size_t room;
} Buffer;

/* Make room for `more` bytes behind those in use; -1 without memory. */
static int
reserve(Buffer *buffer, size_t more)
{
    if (more <= buffer->room - buffer->used) {
        return 0;
    }
    if (more > SIZE_MAX / 2 - buffer->used) {
        return -1;
    }
    size_t room = buffer->room * 2 > 256 ? buffer->room * 2 : 256;
    if (room < buffer->used + more) {
        room = buffer->used + more;
    }
    char *data = resize(buffer->data, room);
    if (data == NULL) {
        return -1;
    }
    buffer->data = data;
    buffer->room = room;
    return 0;
}

static int
append(Buffer *buffer, const void *bytes, size_t length)
{
    if (reserve(buffer, length) < 0) {
        return -1;
    }
    if (length > 0) {
        memcpy(buffer->data + buffer->used, bytes, length);
        buffer->used += length;
    }
    return 0;
}

static void
empty(Buffer *buffer)
{
    release(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

/* Several paths, one behind the other in memory. Most of them are entries of a stack: stack.h says what such an entry
 * looks like. */
typedef struct {
    Buffer bytes;
    Buffer entries;
} Paths;

typedef struct {
    size_t start;
    size_t duty;
    unsigned long group; /* of inodes; set in what `remove` meets */
} PathEntry;

static size_t
path_count(const Paths *paths)
{
    return paths->entries.used / sizeof(PathEntry);
}

static PathEntry *
path_entry(const Paths *paths, size_t number)
{
    return (PathEntry *)(void *)paths->entries.data + number;
}

/* Forget all paths but the first `count`. */
static void
cut_paths(Paths *paths, size_t count)
{
    if (count < path_count(paths)) {
        paths->bytes.used = path_entry(paths, count)->start;
        paths->entries.used = count * sizeof(PathEntry);
    }
}

/* Add directory + "/" + name, or one of them if the other is empty; -1 without memory. */
static int
push_path(Paths *paths, const char *directory, size_t directory_length, const char *name,
          size_t name_length, size_t duty)
{
    PathEntry entry = {paths->bytes.used, duty, 0};
    if (reserve(&paths->bytes, directory_length + name_length + 1) < 0 ||
        append(&paths->entries, &entry, sizeof entry) < 0) {
        return -1;
    }
    append(&paths->bytes, directory, directory_length);
    if (directory_length > 0 && name_length > 0) {
        append(&paths->bytes, "/", 1);
    }
    append(&paths->bytes, name, name_length);
    return 0;
}

/* Add a whole entry of a stack; -1 without memory. */
static int
push_bytes(Paths *paths, const Buffer *entry)
{
    return push_path(paths, entry->data, entry->used, "", 0, 0);
}

static void
empty_paths(Paths *paths)
{
    empty(&paths->bytes);
    empty(&paths->entries);
}
