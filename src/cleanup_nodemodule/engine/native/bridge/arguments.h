/* Takes over what Python hands to a call, and gives it back at the end. It builds on Python.h and on all of
 * native/. */

static void
end_call(Call *call)
{
    Walk *walk = &call->walk;
    let_go(walk->root);
    let_go(walk->parent);
    forget_around(&walk->around);
    empty(&walk->around.path);
    forget_around(&walk->passed);
    empty(&walk->passed.path);
    Py_DecRef(call->stack);
    release(walk->given);
    release(walk->closed);
    empty_paths(&walk->met);
    empty(&walk->path);
    empty(&walk->rest);
    empty_paths(&walk->fault_paths);
    empty(&walk->faults);
    release(walk->listing);
    release(walk->places);
    empty(&call->root_path);
}

/* Take over what is closed, which the root keeps alive; -1 with an exception. */
static int
read_closed(Walk *walk, PyObject *closed)
{
    size_t count = closed == NULL ? 0 : (size_t)PyTuple_Size(closed);
    if (count == 0) {
        return 0;
    }
    walk->closed = resize(NULL, count * sizeof *walk->closed);
    if (walk->closed == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t number = 0; number < count; number++) {
        PyObject *item = PyTuple_GetItem(closed, (Py_ssize_t)number);
        if (!PyBytes_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "what is closed must be bytes");
            return -1;
        }
        walk->closed[walk->closed_count++] = PyBytes_AsString(item);
    }
    return 0;
}

/* Take over the arguments that every function has; -1 with an exception. */
static int
begin_call(Call *call, PyObject *root, PyObject *stack, long long budget)
{
    memset(call, 0, sizeof *call);
    Walk *walk = &call->walk;
    walk->root = walk->parent = walk->around.descriptor = walk->passed.descriptor = walk->places_hold = -1;
    call->budget = budget;
    const char *path;
    Py_ssize_t length;
    unsigned long long device, inode;
    PyObject *closed = NULL;
    if (!PyTuple_Check(root)) {
        PyErr_SetString(PyExc_TypeError, "root must be a Root");
        return -1;
    }
    if (!PyArg_ParseTuple(root, "y#KK|O!;root must be a Root", &path, &length, &device, &inode,
                          &PyTuple_Type, &closed)) {
        return -1;
    }
    if (memchr(path, '\0', (size_t)length) != NULL) {
        PyErr_SetString(PyExc_ValueError, "embedded null byte in the path of the root");
        return -1;
    }
    walk->device = (dev_t)device;
    walk->inode = (ino_t)inode;
    call->stack = PySequence_Tuple(stack);
    if (call->stack == NULL) {
        return -1;
    }
    size_t count = (size_t)PyTuple_Size(call->stack);
    walk->given = count > 0 ? resize(NULL, count * sizeof *walk->given) : NULL;
    if (count > 0 && walk->given == NULL) {
        end_call(call);
        PyErr_NoMemory();
        return -1;
    }
    for (; walk->given_left < count; walk->given_left++) {
        PyObject *item = PyTuple_GetItem(call->stack, (Py_ssize_t)walk->given_left);
        if (!PyBytes_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "the stack must hold bytes");
            end_call(call);
            return -1;
        }
        walk->given[walk->given_left] = (Given){PyBytes_AsString(item), (size_t)PyBytes_Size(item)};
    }
    if (read_closed(walk, closed) < 0) {
        end_call(call);
        return -1;
    }
    walk->listing = resize(NULL, LISTING);
    walk->places = resize(NULL, 2 * MOST_PLACES(LISTING) * sizeof(Place));
    walk->room = LISTING;
    if (walk->listing == NULL || walk->places == NULL ||
        append(&call->root_path, path, (size_t)length) < 0 ||
        append(&call->root_path, "", 1) < 0 || reserve(&walk->path, 1) < 0) {
        end_call(call);
        PyErr_NoMemory();
        return -1;
    }
    walk->path.data[0] = '\0';
    return 0;
}

/* Take over a set of names; -1 with an exception. */
static int
read_names(NameSet *set, PyObject *names)
{
    set->slots = NULL;
    set->names = PySequence_Tuple(names);
    if (set->names == NULL) {
        return -1;
    }
    Py_ssize_t count = PyTuple_Size(set->names);
    if (count == 0) {
        return 0;
    }
    size_t room = 4;
    while (room < 2 * (size_t)count) {
        room *= 2;
    }
    set->mask = room - 1;
    set->slots = resize(NULL, room * sizeof *set->slots);
    if (set->slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(set->slots, 0, room * sizeof *set->slots);
    for (Py_ssize_t number = 0; number < count; number++) {
        PyObject *item = PyTuple_GetItem(set->names, number);
        char *name;
        if (!PyBytes_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "names must be bytes");
            return -1;
        }
        /* With NULL for the length, a NUL in the name is an error, as no file has such a name. */
        if (PyBytes_AsStringAndSize(item, &name, NULL) < 0) {
            return -1;
        }
        size_t at = hash_name(name) & set->mask;
        while (set->slots[at] != NULL) {
            at = (at + 1) & set->mask;
        }
        set->slots[at] = name;
    }
    return 0;
}

static void
forget_names(const NameSet *set)
{
    Py_DecRef(set->names);
    release(set->slots);
}

/* Take over a sequence of wildcards; -1 with an exception. */
static int
read_globs(Query *query, PyObject *globs)
{
    query->given_globs = PySequence_Tuple(globs);
    if (query->given_globs == NULL) {
        return -1;
    }
    size_t count = (size_t)PyTuple_Size(query->given_globs);
    query->globs = count > 0 ? resize(NULL, count * sizeof *query->globs) : NULL;
    if (count > 0 && query->globs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; query->glob_count < count; query->glob_count++) {
        PyObject *item = PyTuple_GetItem(query->given_globs, (Py_ssize_t)query->glob_count);
        char *glob;
        if (PyBytes_AsStringAndSize(item, &glob, NULL) < 0) {
            return -1;
        }
        query->globs[query->glob_count] = glob;
    }
    return 0;
}

/* Take over a set of texts in lower case; -1 with an exception. */
static int
read_texts(TextSet *set, PyObject *texts)
{
    set->given = PySequence_Tuple(texts);
    if (set->given == NULL) {
        return -1;
    }
    Py_ssize_t count = PyTuple_Size(set->given);
    if (count == 0) {
        return 0;
    }
    size_t room = 4;
    while (room < 4 * (size_t)count) {
        room *= 2;
    }
    set->mask = room - 1;
    set->slots = resize(NULL, room * sizeof *set->slots);
    if (set->slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(set->slots, 0, room * sizeof *set->slots);
    for (Py_ssize_t number = 0; number < count; number++) {
        PyObject *item = PyTuple_GetItem(set->given, number);
        char *bytes;
        /* As in read_names. */
        if (PyBytes_AsStringAndSize(item, &bytes, NULL) < 0) {
            return -1;
        }
        size_t length = (size_t)PyBytes_Size(item);
        size_t at = hash_text(bytes, length) & set->mask;
        while (set->slots[at].bytes != NULL) {
            at = (at + 1) & set->mask;
        }
        set->slots[at] = (Text){bytes, length};
        set->longest = length > set->longest ? length : set->longest;
    }
    return 0;
}

/* Take over what is watched for; -1 with an exception. */
static int
read_watch(Watch *watch, PyObject *given)
{
    PyObject *names, *endings, *globs, *written = NULL;
    long long since;
    if (!PyTuple_Check(given)) {
        PyErr_SetString(PyExc_TypeError, "watch must be a Watch or None");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "OOOL|O;watch must be a Watch or None", &names, &endings, &globs,
                          &since, &written) ||
        read_texts(&watch->names, names) < 0 || read_texts(&watch->endings, endings) < 0 ||
        (written != NULL && read_texts(&watch->written, written) < 0)) {
        return -1;
    }
    watch->since = since;
    watch->given_globs = PySequence_Tuple(globs);
    if (watch->given_globs == NULL) {
        return -1;
    }
    size_t count = (size_t)PyTuple_Size(watch->given_globs);
    watch->globs = count > 0 ? resize(NULL, count * sizeof *watch->globs) : NULL;
    if (count > 0 && watch->globs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; watch->glob_count < count; watch->glob_count++) {
        PyObject *item = PyTuple_GetItem(watch->given_globs, (Py_ssize_t)watch->glob_count);
        char *glob;
        if (PyBytes_AsStringAndSize(item, &glob, NULL) < 0) {
            return -1;
        }
        add_glob(watch->globs, watch->glob_count, &watch->simple_count, glob);
    }
    return 0;
}

static void
forget_watch(Watch *watch)
{
    Py_DecRef(watch->names.given);
    release(watch->names.slots);
    Py_DecRef(watch->endings.given);
    release(watch->endings.slots);
    Py_DecRef(watch->written.given);
    release(watch->written.slots);
    Py_DecRef(watch->given_globs);
    release(watch->globs);
    empty_paths(&watch->met);
    empty_paths(&watch->late);
}

/* Take over how to find out what deleting gives back; -1 with an exception. */
static int
read_accounting(Accounting *accounting, PyObject *given)
{
    long long block, most_inline, inode, entry, name, content, extent, attribute, since;
    int kind, all;
    if (!PyTuple_Check(given)) {
        PyErr_SetString(PyExc_TypeError, "accounting must be an Accounting or None");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "iLpLLLLLLLL;accounting must be an Accounting or None", &kind, &block,
                          &all, &most_inline, &inode, &entry, &name, &content, &extent,
                          &attribute, &since)) {
        return -1;
    }
    if (kind < AS_COUNTED || kind >= ACCOUNTINGS || block < 1 || block > INT32_MAX || most_inline < 0 ||
        inode < 0 || entry < 0 || name < 0 || content < 0 || extent < 0 || attribute < 0 ||
        since < 0) {
        PyErr_SetString(PyExc_ValueError, "nothing is counted in such a way");
        return -1;
    }
#ifdef ON_LINUX
    accounting->kind = kind;
#endif
    accounting->all = all;
    accounting->block = block;
    accounting->most_inline = most_inline;
    accounting->inode = inode;
    accounting->entry = entry;
    accounting->name = name;
    accounting->content = content;
    accounting->extent = extent;
    accounting->attribute = attribute;
    accounting->since = since;
    return 0;
}

/* Take over the groups of inodes; -1 with an exception. */
static int
read_groups(Removed *removed, PyObject *groups)
{
    if (!PyTuple_Check(groups)) {
        PyErr_SetString(PyExc_TypeError, "groups must be Groups or None");
        return -1;
    }
    if (!PyArg_ParseTuple(groups, "Ik;groups must be Groups or None", &removed->shift,
                          &removed->groups)) {
        return -1;
    }
    if (removed->shift >= 64 || removed->groups == 0) {
        PyErr_SetString(PyExc_ValueError, "no inode can be in such groups");
        return -1;
    }
    return 0;
}
