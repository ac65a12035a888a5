"""The public names of NumPy that have no argument which could be differentiated: there NumPy itself is called."""

from __future__ import annotations

PLAIN: dict[str, tuple[str, str]] = {
    # what they are: (the names in a namespace, "" being numpy itself)
    "types of numbers": (
        "",
        "bool bool_ byte bytes_ cdouble character clongdouble complex128 complex256 complex64 complexfloating csingle "
        "datetime64 double flexible float128 float16 float32 float64 floating generic half inexact int16 int32 int64 "
        "int8 int_ intc integer intp long longdouble longlong number object_ short signedinteger single str_ "
        "timedelta64 ubyte uint uint16 uint32 uint64 uint8 uintc uintp ulong ulonglong unsignedinteger ushort void "
        "complex192 complex512 float96 float256",
    ),
    "questions about types of numbers": (
        "",
        "dtype finfo iinfo isdtype issubdtype mintypecode promote_types typename",
    ),
    "settings and information": (
        "",
        "errstate geterr geterrcall seterr seterrcall getbufsize setbufsize get_printoptions set_printoptions "
        "printoptions get_include info show_config show_runtime test",
    ),
    "numbers as text": ("", "base_repr binary_repr format_float_positional format_float_scientific"),
    "reading files, bytes and text": (
        "",
        "from_dlpack frombuffer fromfile fromregex fromstring genfromtxt load loadtxt memmap",
    ),
    "dates": ("", "busdaycalendar datetime_data"),
    "integers from integers": (
        "",
        "broadcast_shapes diag_indices indices mask_indices ndindex tri tril_indices triu_indices",
    ),
    "windows of a given length": ("", "bartlett blackman hamming hanning"),
    "works on elements, one at a time, as on Python objects": (
        "",
        "broadcast flatiter fromfunction frompyfunc iterable isscalar ndenumerate nditer nested_iters vectorize",
    ),
    "classes": ("", "ndarray ufunc matrix poly1d recarray record"),
    "made of the array's numbers by Python's protocols": ("", "isfortran"),
    "exceptions and tests of numpy.linalg": ("linalg", "LinAlgError test"),
    "frequencies of a given length, and tests": ("fft", "fftfreq rfftfreq test"),
    "axes": ("lib.array_utils", "normalize_axis_index normalize_axis_tuple"),
    "about NumPy's library": ("lib", "Arrayterator NumpyVersion add_docstring add_newdoc test"),
    "about NumPy's machine code": ("lib.introspect", "opt_func_info"),
    "classes to derive from": ("lib.mixins", "NDArrayOperatorsMixin"),
    "sources of files": ("lib.npyio", "DataSource NpzFile"),
    "the format of .npy files": (
        "lib.format",
        "descr_to_dtype drop_metadata dtype_to_descr header_data_from_array_1_0 isfileobj magic open_memmap read_array "
        "read_array_header_1_0 read_array_header_2_0 read_magic write_array write_array_header_1_0 "
        "write_array_header_2_0",
    ),
}
