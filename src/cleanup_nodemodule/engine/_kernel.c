/* The native engine: find, measure and remove on system calls.
 *
 * contract.py has the contract, with the meaning of every field. _python.py is the reference. Most of the code is in
 * native/. Its headers are included here as text, so that the compiler sees a single file. The headers before Python.h
 * walk; those in native/bridge/ come behind it, and translate between them and Python.
 *
 * The engine starts no threads, calls nothing back, and has one lock, for files with several names. A call copies
 * nothing from Python but numbers and pointers into immutable bytes. It lets go of the interpreter, walks, and takes
 * the interpreter again to build the result. A caller that wants several cores makes several calls.
 *
 * The engine never follows anything, so no symlink can lead it away. It opens directories; and where it is asked to find
 * out what files share, also files that are known to be regular, without waiting. So no FIFO can block a call.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pyconfig.h> /* Tells the system's headers what to declare, so it comes before them. It declares nothing. */

#include "native/system.h"
#include "native/memory.h"
#include "native/walk.h"
#include "native/beneath.h"
#include "native/status.h"
#include "native/listing.h"
#include "native/stack.h"
#include "native/names.h"
#include "native/find.h"
#include "native/watch.h"
#include "native/extents.h"
#include "native/shares.h"
#include "native/tree.h"
#include "native/accounting.h"
#include "native/measure.h"
#include "native/remove_file.h"
#include "native/remove_directory.h"
#include "native/remove.h"
#include "native/links.h"
#include "native/ranges.h"

/* The interpreter is declared from here on. So nothing above can call it: all of that may run without the lock of the
 * interpreter, and in several interpreters at once. A test checks that it stays so. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "native/bridge/results.h"
#include "native/bridge/arguments.h"
#include "native/bridge/answers.h"

static PyObject *
kernel_find(PyObject *module, PyObject *args)
{
    const Classes *classes = PyModule_GetState(module);
    PyObject *root, *stack, *names, *wanted, *skipped, *globs, *markers, *noticed;
    PyObject *result = NULL;
    long long budget;
    Py_ssize_t min_depth, max_depth;
    Call call;
    Query query;
    Hits hits;
    memset(&query, 0, sizeof query);
    memset(&hits, 0, sizeof hits);
    if (!PyArg_ParseTuple(args, "OOO!L:find", &root, &stack, &PyTuple_Type, &names, &budget) ||
        !PyArg_ParseTuple(names, "OOnOOOn;names must be a Names", &wanted, &skipped,
                          &min_depth, &globs, &markers, &noticed, &max_depth)) {
        return NULL;
    }
    if (begin_call(&call, root, stack, budget) < 0) {
        return NULL;
    }
    query.min_depth = min_depth;
    query.max_depth = max_depth;
    if (read_names(&query.wanted, wanted) < 0 || read_names(&query.skipped, skipped) < 0 ||
        read_names(&query.markers, markers) < 0 || read_names(&query.noticed, noticed) < 0 ||
        read_globs(&query, globs) < 0) {
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    search(&call, &query, &hits);
    Py_END_ALLOW_THREADS
    PyObject *found = NULL;
    PyObject *list = list_hits(&hits, classes);
    PyObject *seen = list_of(&hits.noticed);
    if (list != NULL && seen != NULL) {
        found = PyObject_CallFunction(classes->found, "LOOL", hits.directories, list, seen, budget - call.budget);
    }
    Py_DecRef(seen);
    Py_DecRef(list);
    result = result_of(&call, classes, classes->finding, found);
done:
    forget_names(&query.wanted);
    forget_names(&query.skipped);
    forget_names(&query.markers);
    forget_names(&query.noticed);
    Py_DecRef(query.given_globs);
    release(query.globs);
    empty_paths(&hits.paths);
    empty(&hits.entries);
    empty_paths(&hits.noticed);
    end_call(&call);
    return result;
}

/* Return Usage; NULL with an exception. */
static PyObject *
usage_of(const Sums *sums, const Watch *watch, const Classes *classes)
{
    PyObject *usage = NULL;
    PyObject *mounts = list_of(&sums->mounts);
    PyObject *repositories = list_of(&sums->repositories);
    PyObject *foreign = list_of(&sums->foreign);
    PyObject *apparent = number_of(&sums->apparent, 1);
    PyObject *allocated = number_of(&sums->blocks, BLOCK);
    PyObject *directories = number_of(&sums->directory_blocks, BLOCK);
    PyObject *met = list_of(&watch->met);
    PyObject *late = list_of(&watch->late);
    const Accounting *accounting = &sums->accounting;
    PyObject *own = accounting->kind == AS_COUNTED ? number_of(&sums->blocks, BLOCK)
                                                   : number_of(&accounting->own, 1);
    PyObject *perhaps = number_of(&accounting->perhaps, 1);
    PyObject *shared = number_of(&accounting->shared, 1);
    PyObject *metadata = number_of(&accounting->metadata, 1);
    PyObject *proven = number_of(&accounting->proven, 1);
    PyObject *content = number_of(&accounting->contents, 1);
    if (mounts != NULL && repositories != NULL && foreign != NULL && apparent != NULL &&
        allocated != NULL && directories != NULL && met != NULL && late != NULL &&
        own != NULL && perhaps != NULL && shared != NULL && metadata != NULL && proven != NULL &&
        content != NULL) {
        usage = PyObject_CallFunction(
            classes->usage, "OOLLLy#OOOOOOLOOOOOy#y#y#Ly#O", apparent, allocated, (long long)sums->files,
            (long long)sums->directories, (long long)sums->newest,
            bytes_of(&sums->links), (Py_ssize_t)sums->links.used, mounts,
            repositories, foreign, directories, met, late, (long long)watch->unlisted, own, perhaps,
            shared, metadata, proven, bytes_of(&accounting->ranges), (Py_ssize_t)accounting->ranges.used,
            bytes_of(&accounting->linked_ranges), (Py_ssize_t)accounting->linked_ranges.used,
            bytes_of(&accounting->chunks), (Py_ssize_t)accounting->chunks.used,
            (long long)accounting->extents, bytes_of(&accounting->encoded),
            (Py_ssize_t)accounting->encoded.used, content);
    }
    Py_DecRef(content);
    Py_DecRef(proven);
    Py_DecRef(metadata);
    Py_DecRef(shared);
    Py_DecRef(perhaps);
    Py_DecRef(own);
    Py_DecRef(late);
    Py_DecRef(met);
    Py_DecRef(directories);
    Py_DecRef(allocated);
    Py_DecRef(apparent);
    Py_DecRef(foreign);
    Py_DecRef(repositories);
    Py_DecRef(mounts);
    return usage;
}

static PyObject *
kernel_measure(PyObject *module, PyObject *args)
{
    const Classes *classes = PyModule_GetState(module);
    PyObject *root, *stack, *given = Py_None, *accounting = Py_None;
    PyObject *result = NULL;
    long long budget;
    Call call;
    Sums sums;
    Watch watch;
    memset(&sums, 0, sizeof sums);
    memset(&watch, 0, sizeof watch);
    sums.user = geteuid();
    if (!PyArg_ParseTuple(args, "OOL|OO:measure", &root, &stack, &budget, &given, &accounting) ||
        begin_call(&call, root, stack, budget) < 0) {
        return NULL;
    }
    if (given != Py_None) {
        sums.watch = &watch;
        if (read_watch(&watch, given) < 0) {
            goto done;
        }
    }
    if (accounting != Py_None && read_accounting(&sums.accounting, accounting) < 0) {
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    measure(&call, &sums);
    Py_END_ALLOW_THREADS
    result = result_of(&call, classes, classes->measurement, usage_of(&sums, &watch, classes));
done:
    empty(&sums.links);
    forget_accounting(&sums.accounting);
    empty_paths(&sums.mounts);
    empty_paths(&sums.repositories);
    empty_paths(&sums.foreign);
    forget_watch(&watch);
    end_call(&call);
    return result;
}

static PyObject *
kernel_remove(PyObject *module, PyObject *args)
{
    const Classes *classes = PyModule_GetState(module);
    PyObject *root, *stack, *groups = Py_None;
    long long budget;
    Call call;
    Removed removed;
    memset(&removed, 0, sizeof removed);
    removed.user = geteuid();
    if (!PyArg_ParseTuple(args, "OOL|Okp:remove", &root, &stack, &budget, &groups, &removed.group,
                          &removed.include_foreign) ||
        (groups != Py_None && read_groups(&removed, groups) < 0) ||
        begin_call(&call, root, stack, budget) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    remove_all(&call, &removed);
    Py_END_ALLOW_THREADS
    PyObject *counts = NULL;
    PyObject *blocked = list_of(&removed.blocked);
    PyObject *freed = number_of(&removed.blocks, BLOCK);
    PyObject *directories = number_of(&removed.directory_blocks, BLOCK);
    PyObject *elsewhere = elsewhere_of(&removed);
    if (blocked != NULL && freed != NULL && directories != NULL && elsewhere != NULL) {
        counts = PyObject_CallFunction(classes->counts, "LLOOOOO", (long long)removed.files,
                                       (long long)removed.directories, freed, blocked,
                                       removed.root ? Py_True : Py_False, directories, elsewhere);
    }
    Py_DecRef(elsewhere);
    Py_DecRef(directories);
    Py_DecRef(freed);
    Py_DecRef(blocked);
    PyObject *result = result_of(&call, classes, classes->removal, counts);
    empty_paths(&removed.blocked);
    empty_paths(&removed.elsewhere);
    end_call(&call);
    return result;
}

/* ---- The module ------------------------------------------------------------------------------- */

#ifdef CLEANUP_NODEMODULE_TESTING
static PyObject *
kernel_fail_allocation(PyObject *module, PyObject *args)
{
    long number;
    int pending = allocations_until_failure >= 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "l:_fail_allocation", &number)) {
        return NULL;
    }
    allocations_until_failure = number;
    return PyBool_FromLong(pending);
}

static PyObject *
kernel_held(PyObject *module, PyObject *args)
{
    (void)module;
    (void)args;
    return PyLong_FromLong(held);
}
#endif

static PyObject *
kernel_settle(PyObject *module, PyObject *args)
{
    PyObject *list, *answers[LINK_SUMS] = {NULL};
    PyObject *result = NULL;
    const char *chosen;
    Py_ssize_t ranks;
    LinkSums sums;
    int failed;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!y#:settle", &PyList_Type, &list, &chosen, &ranks)) {
        return NULL;
    }
    /* A copy, so that nobody takes a slice out of it meanwhile. */
    list = PyList_GetSlice(list, 0, PyList_Size(list));
    if (list == NULL) {
        return NULL;
    }
    size_t count = (size_t)PyList_Size(list);
    LinkSlice *slices = resize(NULL, (count + 1) * sizeof *slices);
    if (slices == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (read_link_slices(slices, list, count, (size_t)ranks) < 0 ||
        begin_answers(answers, sums.sums, LINK_SUMS, (size_t)ranks) < 0) {
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    failed = settle_links(slices, count, chosen, &sums);
    Py_END_ALLOW_THREADS
    result = failed < 0 ? PyErr_NoMemory() : end_answers(answers, LINK_SUMS);
done:
    for (size_t number = 0; number < LINK_SUMS; number++) {
        Py_DecRef(answers[number]);
    }
    release(slices);
    Py_DecRef(list);
    return result;
}

static PyObject *
kernel_cover(PyObject *module, PyObject *args)
{
    PyObject *list, *answers[RANGE_SUMS] = {NULL};
    PyObject *result = NULL;
    long long given;
    RangeSums sums;
    int failed;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!L:cover", &PyList_Type, &list, &given)) {
        return NULL;
    }
    if (given < 1) {
        PyErr_SetString(PyExc_ValueError, "ranges are counted from one on");
        return NULL;
    }
    uint64_t times = (uint64_t)given;
    list = PyList_GetSlice(list, 0, PyList_Size(list));
    if (list == NULL) {
        return NULL;
    }
    size_t count = (size_t)PyList_Size(list);
    RangeSlice *slices = resize(NULL, (count + 1) * sizeof *slices);
    if (slices == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (read_range_slices(slices, list, count) < 0 ||
        begin_answers(answers, sums.sums, RANGE_SUMS, count > 0 ? slices[count - 1].rank + 1 : 0) < 0) {
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    failed = cover_ranges(slices, count, times, &sums);
    Py_END_ALLOW_THREADS
    result = failed < 0 ? PyErr_NoMemory() : end_answers(answers, RANGE_SUMS);
done:
    for (size_t number = 0; number < RANGE_SUMS; number++) {
        Py_DecRef(answers[number]);
    }
    release(slices);
    Py_DecRef(list);
    return result;
}

static PyObject *
kernel_use_openat2(PyObject *module, PyObject *args)
{
    int wanted;
    (void)module;
    if (!PyArg_ParseTuple(args, "p:_use_openat2", &wanted)) {
        return NULL;
    }
    openat2_works = wanted;
    Py_IncRef(Py_None);
    return Py_None;
}

PyDoc_STRVAR(find_doc, "find(root, stack, names, budget)\n--\n\n"
                       "Look for directories with the wanted names; see the contract.");
PyDoc_STRVAR(measure_doc, "measure(root, stack, budget, watch=None, accounting=None)\n--\n\n"
                          "Count bytes, files and directories; see the contract.");
PyDoc_STRVAR(remove_doc, "remove(root, stack, budget, groups=None, group=0, include_foreign=False)\n--\n\n"
                         "Delete everything beneath the root, then the root; see the contract.");
PyDoc_STRVAR(settle_doc, "settle(slices, chosen)\n--\n\n"
                         "Count files with several links once; see the contract.");
PyDoc_STRVAR(cover_doc, "cover(slices, times)\n--\n\n"
                        "Say what ranges have in common; see the contract.");
PyDoc_STRVAR(use_openat2_doc, "_use_openat2(wanted)\n--\n\n"
                              "For tests: have the calls of this process do without openat2(2).");

static PyMethodDef methods[] = {
    {"find", kernel_find, METH_VARARGS, find_doc},
    {"measure", kernel_measure, METH_VARARGS, measure_doc},
    {"remove", kernel_remove, METH_VARARGS, remove_doc},
    {"settle", kernel_settle, METH_VARARGS, settle_doc},
    {"cover", kernel_cover, METH_VARARGS, cover_doc},
    {"_use_openat2", kernel_use_openat2, METH_VARARGS, use_openat2_doc},
#ifdef CLEANUP_NODEMODULE_TESTING
    {"_fail_allocation", kernel_fail_allocation, METH_VARARGS,
     "Have the allocation fail before which so many succeed; return whether one still waited to."},
    {"_held", kernel_held, METH_NOARGS, "Return how many allocations were not given back."},
#endif
    {NULL, NULL, 0, NULL},
};

static int
kernel_exec(PyObject *module)
{
    Classes *classes = PyModule_GetState(module);
    const struct {
        const char *name;
        PyObject **class;
    } wanted[] = {
        {"Finding", &classes->finding},         {"Found", &classes->found},
        {"Hit", &classes->hit},                 {"Measurement", &classes->measurement},
        {"Usage", &classes->usage},             {"Removal", &classes->removal},
        {"Counts", &classes->counts},           {"Fault", &classes->fault},
    };
    PyObject *contract = PyImport_ImportModule("cleanup_nodemodule.engine.contract");
    if (contract == NULL) {
        return -1;
    }
    for (size_t number = 0; number < sizeof wanted / sizeof *wanted; number++) {
        *wanted[number].class = PyObject_GetAttrString(contract, wanted[number].name);
        if (*wanted[number].class == NULL) {
            Py_DecRef(contract);
            return -1;
        }
    }
    Py_DecRef(contract);
    return 0;
}

static int
kernel_traverse(PyObject *module, visitproc visit, void *arg)
{
    Classes *classes = PyModule_GetState(module);
    if (classes != NULL) {
        Py_VISIT(classes->finding);
        Py_VISIT(classes->found);
        Py_VISIT(classes->hit);
        Py_VISIT(classes->measurement);
        Py_VISIT(classes->usage);
        Py_VISIT(classes->removal);
        Py_VISIT(classes->counts);
        Py_VISIT(classes->fault);
    }
    return 0;
}

static int
kernel_clear(PyObject *module)
{
    Classes *classes = PyModule_GetState(module);
    if (classes != NULL) {
        clear(&classes->finding);
        clear(&classes->found);
        clear(&classes->hit);
        clear(&classes->measurement);
        clear(&classes->usage);
        clear(&classes->removal);
        clear(&classes->counts);
        clear(&classes->fault);
    }
    return 0;
}

static void
kernel_free(void *module)
{
    kernel_clear(module);
}

/* A slot that a version of Python does not know is an error there, and one abi3 build serves all versions. So there is
 * a table for each version. The numbers are those of the first headers that have the slots. */
#define SLOT_MULTIPLE_INTERPRETERS 3 /* Python 3.12 */
#define SLOT_GIL 4                   /* Python 3.13 */
#define PER_INTERPRETER ((void *)2)  /* Py_MOD_PER_INTERPRETER_GIL_SUPPORTED */
#define NOT_USED ((void *)1)         /* Py_MOD_GIL_NOT_USED */

static PyModuleDef_Slot slots_311[] = {
    {Py_mod_exec, kernel_exec},
    {0, NULL},
};
static PyModuleDef_Slot slots_312[] = {
    {Py_mod_exec, kernel_exec},
    {SLOT_MULTIPLE_INTERPRETERS, PER_INTERPRETER},
    {0, NULL},
};
static PyModuleDef_Slot slots_313[] = {
    {Py_mod_exec, kernel_exec},
    {SLOT_MULTIPLE_INTERPRETERS, PER_INTERPRETER},
    {SLOT_GIL, NOT_USED},
    {0, NULL},
};

/* One definition for each table, so that nothing that all interpreters share has to be changed. */
#define DEFINITION(slots)                                                                              \
    {                                                                                                  \
        .m_base = PyModuleDef_HEAD_INIT, .m_name = "_kernel", .m_doc = "The native engine.",           \
        .m_size = sizeof(Classes), .m_methods = methods, .m_slots = slots,                             \
        .m_traverse = kernel_traverse, .m_clear = kernel_clear, .m_free = kernel_free,                 \
    }
static PyModuleDef definition_311 = DEFINITION(slots_311);
static PyModuleDef definition_312 = DEFINITION(slots_312);
static PyModuleDef definition_313 = DEFINITION(slots_313);

PyMODINIT_FUNC
PyInit__kernel(void)
{
    return PyModuleDef_Init(Py_Version >= 0x030D0000   ? &definition_313
                            : Py_Version >= 0x030C0000 ? &definition_312
                                                       : &definition_311);
}
