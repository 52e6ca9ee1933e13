/* Makes Python's objects of what a call has found. It builds on Python.h and on all of native/. */

/* Functions count the references (Py_DecRef), and never macros. From Python 3.12 on, interpreters share objects that
 * live for ever (PEP 683). The functions do not write to these. The macros of 3.11 do. */
static void
clear(PyObject **reference)
{
    PyObject *old = *reference;
    *reference = NULL;
    Py_DecRef(old);
}

/* Append the paths to a list, each with slashes for its duty (stack.h); -1 with an exception. */
static int
list_paths(PyObject *list, const Paths *paths)
{
    for (size_t number = 0; number < path_count(paths); number++) {
        const PathEntry *entry = path_entry(paths, number);
        size_t end = number + 1 < path_count(paths) ? entry[1].start : paths->bytes.used;
        size_t length = end - entry->start;
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(length + entry->duty));
        if (bytes == NULL) {
            return -1;
        }
        char *target = PyBytes_AsString(bytes);
        if (length > 0) {
            memcpy(target, paths->bytes.data + entry->start, length);
        }
        memset(target + length, '/', entry->duty);
        int failed = PyList_Append(list, bytes);
        Py_DecRef(bytes);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

/* Return what is left of the stack as a list; NULL with an exception. */
static PyObject *
left_of(const Call *call)
{
    const Walk *walk = &call->walk;
    PyObject *left = PyList_New(0);
    if (left == NULL) {
        return NULL;
    }
    for (size_t number = 0; number < walk->given_left; number++) {
        if (PyList_Append(left, PyTuple_GetItem(call->stack, (Py_ssize_t)number)) < 0) {
            Py_DecRef(left);
            return NULL;
        }
    }
    if (list_paths(left, &walk->met) < 0) {
        Py_DecRef(left);
        return NULL;
    }
    return left;
}

/* Return the paths as a list; NULL with an exception. */
static PyObject *
list_of(const Paths *paths)
{
    PyObject *list = PyList_New(0);
    if (list != NULL && list_paths(list, paths) < 0) {
        Py_DecRef(list);
        return NULL;
    }
    return list;
}

/* The classes of contract.py for results. */
typedef struct {
    PyObject *finding, *found, *hit;
    PyObject *measurement, *usage;
    PyObject *removal, *counts;
    PyObject *fault;
} Classes;

/* Return Fault.doing; NULL with an exception. */
static PyObject *
doing_of(const FaultEntry *entry)
{
    if (entry->more == 0) {
        return PyUnicode_FromString(entry->doing);
    }
    PyObject *number = PyLong_FromSize_t(entry->more);
    PyObject *count = number == NULL ? NULL : PyObject_CallMethod(number, "__format__", "s", ",");
    PyObject *text =
        count == NULL ? NULL : PyUnicode_FromFormat("%s %U more entries of", entry->doing, count);
    Py_DecRef(count);
    Py_DecRef(number);
    return text;
}

/* Return the faults as a list; NULL with an exception. */
static PyObject *
faults_of(const Walk *walk, const Classes *classes)
{
    if (walk->no_memory) {
        return PyErr_NoMemory();
    }
    PyObject *paths = list_of(&walk->fault_paths);
    PyObject *faults = PyList_New(0);
    const FaultEntry *entries = (const void *)walk->faults.data;
    size_t count = walk->faults.used / sizeof *entries;
    if (paths == NULL || faults == NULL) {
        goto failed;
    }
    for (size_t number = 0; number < count; number++) {
        PyObject *doing = doing_of(entries + number);
        if (doing == NULL) {
            goto failed;
        }
        PyObject *fault =
            PyObject_CallFunction(classes->fault, "OiN", PyList_GetItem(paths, (Py_ssize_t)number),
                                  entries[number].number, doing);
        if (fault == NULL || PyList_Append(faults, fault) < 0) {
            Py_DecRef(fault);
            goto failed;
        }
        Py_DecRef(fault);
    }
    Py_DecRef(paths);
    return faults;
failed:
    Py_DecRef(paths);
    Py_DecRef(faults);
    return NULL;
}

/* Return the result of a function: an object of `class`, of `value`, what is left, and the faults; NULL with an
 * exception. `value` is a new reference, or NULL with an exception. */
static PyObject *
result_of(const Call *call, const Classes *classes, PyObject *class, PyObject *value)
{
    if (value == NULL) {
        return NULL;
    }
    PyObject *left = left_of(call);
    PyObject *faults = left == NULL ? NULL : faults_of(&call->walk, classes);
    PyObject *result = NULL;
    if (faults != NULL) {
        result = PyObject_CallFunctionObjArgs(class, value, left, faults, NULL);
    }
    Py_DecRef(faults);
    Py_DecRef(left);
    Py_DecRef(value);
    return result;
}

/* Return what a buffer holds, to make bytes of: it need not have been used. */
static const char *
bytes_of(const Buffer *buffer)
{
    return buffer->used == 0 ? "" : buffer->data;
}

/* Return the sum times `unit`; NULL with an exception. */
static PyObject *
number_of(const Wide *sum, long unit)
{
    if (sum->high == 0 && sum->low <= (uint64_t)(LLONG_MAX / unit)) {
        return PyLong_FromLongLong((long long)sum->low * unit);
    }
    PyObject *high = PyLong_FromLongLong(sum->high);
    PyObject *low = PyLong_FromUnsignedLongLong(sum->low);
    PyObject *bits = PyLong_FromLong(64);
    PyObject *times = PyLong_FromLong(unit);
    PyObject *shifted = NULL, *whole = NULL, *number = NULL;
    if (high != NULL && low != NULL && bits != NULL && times != NULL) {
        shifted = PyNumber_Lshift(high, bits);
        whole = shifted == NULL ? NULL : PyNumber_Add(shifted, low);
        number = whole == NULL ? NULL : PyNumber_Multiply(whole, times);
    }
    Py_DecRef(whole);
    Py_DecRef(shifted);
    Py_DecRef(times);
    Py_DecRef(bits);
    Py_DecRef(low);
    Py_DecRef(high);
    return number;
}

static PyObject *
list_hits(const Hits *hits, const Classes *classes)
{
    PyObject *paths = list_of(&hits->paths);
    PyObject *list = PyList_New(0);
    const HitEntry *entries = (const void *)hits->entries.data;
    if (paths == NULL || list == NULL) {
        goto failed;
    }
    for (size_t number = 0; number < path_count(&hits->paths); number++) {
        const HitEntry *entry = entries + number;
        PyObject *mounted = PyBool_FromLong(entry->mounted);
        PyObject *hit = PyObject_CallFunction(
            classes->hit, "OKKNL", PyList_GetItem(paths, (Py_ssize_t)number),
            (unsigned long long)entry->device, (unsigned long long)entry->inode, mounted,
            (long long)entry->changed);
        if (hit == NULL || PyList_Append(list, hit) < 0) {
            Py_DecRef(hit);
            goto failed;
        }
        Py_DecRef(hit);
    }
    Py_DecRef(paths);
    return list;
failed:
    Py_DecRef(paths);
    Py_DecRef(list);
    return NULL;
}

/* Return Counts.elsewhere, a tuple of pairs (group, entry); NULL with an exception. */
static PyObject *
elsewhere_of(const Removed *removed)
{
    const Paths *paths = &removed->elsewhere;
    PyObject *entries = list_of(paths);
    PyObject *pairs = entries == NULL ? NULL : PyTuple_New(PyList_Size(entries));
    for (size_t number = 0; pairs != NULL && number < path_count(paths); number++) {
        PyObject *entry = PyList_GetItem(entries, (Py_ssize_t)number);
        PyObject *pair = Py_BuildValue("(kO)", path_entry(paths, number)->group, entry);
        if (pair == NULL || PyTuple_SetItem(pairs, (Py_ssize_t)number, pair) < 0) {
            clear(&pairs);
        }
    }
    Py_DecRef(entries);
    return pairs;
}
