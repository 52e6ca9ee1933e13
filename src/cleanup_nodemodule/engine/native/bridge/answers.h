/* Takes over slices of records, and makes the answers of settle and cover: bytes with a number for each rank. It builds
 * on Python.h and on all of native/. */

static const char *const WRONG_SLICES = "slices have to be whole, and in the order of their ranks";

/* Take over records of `fields` numbers, which come at a rank that is not below `last` and below `ranks`. The bytes
 * stay alive with the object. Returns their number, -1 with an exception. */
static Py_ssize_t
read_records(PyObject *bytes, size_t fields, Py_ssize_t rank, size_t last, size_t ranks,
             const char **records)
{
    char *data;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(bytes, &data, &length) < 0) {
        return -1;
    }
    size_t size = fields * sizeof(uint64_t);
    if (rank < 0 || (size_t)rank < last || (size_t)rank >= ranks || (size_t)length % size != 0) {
        PyErr_SetString(PyExc_ValueError, WRONG_SLICES);
        return -1;
    }
    *records = data;
    return length / (Py_ssize_t)size;
}

/* Return the slice at a place of the list; NULL with an exception. */
static PyObject *
slice_at(PyObject *list, size_t at)
{
    PyObject *slice = PyList_GetItem(list, (Py_ssize_t)at);
    if (slice != NULL && !PyTuple_Check(slice)) {
        PyErr_SetString(PyExc_TypeError, "slices have to be tuples");
        return NULL;
    }
    return slice;
}

/* Take over the slices of settle, which the list keeps alive; -1 with an exception. */
static int
read_link_slices(LinkSlice *slices, PyObject *list, size_t count, size_t ranks)
{
    size_t last = 0;
    for (size_t at = 0; at < count; at++) {
        Py_ssize_t rank;
        unsigned long long device;
        const char *records;
        PyObject *links;
        PyObject *slice = slice_at(list, at);
        if (slice == NULL || !PyArg_ParseTuple(slice, "nKO!", &rank, &device, &PyBytes_Type, &links)) {
            return -1;
        }
        Py_ssize_t number = read_records(links, LINK_FIELDS, rank, last, ranks, &records);
        if (number < 0) {
            return -1;
        }
        last = (size_t)rank;
        slices[at] = (LinkSlice){records, (size_t)number, last, device};
    }
    return 0;
}

/* Take over the slices of cover, which the list keeps alive; -1 with an exception. */
static int
read_range_slices(RangeSlice *slices, PyObject *list, size_t count)
{
    size_t last = 0;
    for (size_t at = 0; at < count; at++) {
        Py_ssize_t rank;
        const char *records;
        PyObject *ranges;
        PyObject *slice = slice_at(list, at);
        if (slice == NULL || !PyArg_ParseTuple(slice, "nO!", &rank, &PyBytes_Type, &ranges)) {
            return -1;
        }
        Py_ssize_t number = read_records(ranges, RANGE_FIELDS, rank, last, SIZE_MAX, &records);
        if (number < 0) {
            return -1;
        }
        last = (size_t)rank;
        slices[at] = (RangeSlice){records, (size_t)number, last};
        for (Py_ssize_t record = 0; record < number; record++) {
            uint64_t range[RANGE_FIELDS];
            memcpy(range, records + (size_t)record * sizeof range, sizeof range);
            /* It may end there: that is, its last byte may be the highest one. */
            if (range[1] > 0 && range[0] > UINT64_MAX - (range[1] - 1)) {
                PyErr_SetString(PyExc_ValueError, "ranges have to end at 2**64 at most");
                return -1;
            }
        }
    }
    return 0;
}

/* Make `count` answers of zeros, and let `sums` lead to their numbers; -1 with an exception. */
static int
begin_answers(PyObject **answers, uint64_t **sums, size_t count, size_t ranks)
{
    /* What settle and cover count with has room for no more. */
    if (ranks > UINT32_MAX) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t number = 0; number < count; number++) {
        answers[number] = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(ranks * sizeof(uint64_t)));
        if (answers[number] == NULL) {
            return -1;
        }
        /* What bytes hold lies behind a header of whole words. */
        sums[number] = (uint64_t *)(void *)PyBytes_AsString(answers[number]);
        memset(sums[number], 0, ranks * sizeof(uint64_t));
    }
    return 0;
}

/* Return the answers as a tuple, which takes them over; NULL with an exception. */
static PyObject *
end_answers(PyObject **answers, size_t count)
{
    PyObject *result = PyTuple_New((Py_ssize_t)count);
    for (size_t number = 0; result != NULL && number < count; number++) {
        PyTuple_SetItem(result, (Py_ssize_t)number, answers[number]);
        answers[number] = NULL;
    }
    return result;
}
