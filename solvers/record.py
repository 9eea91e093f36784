"""Records with named fields that kernels are handed by reference: one address, however much they hold.

A tuple, too, has fields with names in machine code, but it travels by value: the record of a block of replicas is some
400 arguments of every function that is handed it, which cost the compiler seconds and every call microseconds. A record
is laid out in memory once, when it is first handed to a kernel, and a kernel reads the fields that it
uses where it uses them.

The fields are numbers, arrays, other records, and tuples of these. A record never changes, but for the numbers in its
arrays.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np import arrayobj, numpy_support

#: Of what `_laid_out` writes and `_load` reads: raised with every change.
LAYOUT = 1


class Reference(types.Type):
    """The numba type of a record: where it is.

    Its name holds a digest of the fields, so that a kernel in numba's cache is never handed a record laid out anew.
    """

    def __init__(self, name: str, fields: tuple[tuple[str, types.Type], ...]) -> None:
        described = f"{LAYOUT}: " + ", ".join(f"{field}: {type_}" for field, type_ in fields)
        super().__init__(f"{name}_{hashlib.sha256(described.encode()).hexdigest()[:12]}")
        self.places: dict[str, tuple[int, types.Type]] = {}
        place = 0
        for field, type_ in fields:
            self.places[field] = place, type_
            place += _words(type_)


class Record:
    """What kernels are handed by reference: a subclass is a frozen dataclass, and has a type by `reference`."""

    reference: ClassVar[Reference]


def reference(kind: type[Record], *fields: types.Type) -> Reference:
    """Give a class of records its numba type.

    Parameters
    ----------
    kind
        The class.
    fields
        The numba types of its fields, in their order.
    """
    made = Reference(kind.__name__, tuple(zip(kind.__dataclass_fields__, fields, strict=True)))  # type: ignore[attr-defined]
    kind.reference = made

    def address(record: Record) -> int:
        words = [word for name, (_, type_) in made.places.items() for word in _laid_out(getattr(record, name), type_)]
        record.__dict__["_words"] = memory = np.array(words, dtype=np.int64)
        return int(memory.ctypes.data)

    # Kernels ask for the address by the name of the type: a record of another class has none by this name.
    found = cached_property(address)
    found.__set_name__(kind, made.name)
    setattr(kind, made.name, found)
    return made


def _items(type_: Any) -> tuple[types.Type, ...]:
    """The types of what a tuple holds."""
    return tuple(type_.types)


def _words(type_: types.Type) -> int:
    """How many words of memory a field takes."""
    if isinstance(type_, types.Array):
        return 1 + type_.ndim
    if isinstance(type_, types.BaseTuple):
        return sum(_words(of) for of in _items(type_))
    return 1


def _laid_out(value: Any, type_: types.Type) -> list[int]:
    """The words of a field: of an array its address and its shape."""
    if isinstance(type_, Reference):
        return [getattr(value, type_.name)]
    if isinstance(type_, types.Array):
        wanted = numpy_support.as_dtype(type_.dtype)
        if value.dtype != wanted or value.ndim != type_.ndim or not value.flags.c_contiguous:
            raise TypeError(f"an array of {value.ndim} dimensions and {value.dtype} where a kernel is handed {type_}")
        return [value.ctypes.data, *value.shape]
    if isinstance(type_, types.BaseTuple):
        return [word for item, of in zip(value, _items(type_), strict=True) for word in _laid_out(item, of)]
    if isinstance(type_, types.Float):
        return [int(np.float64(value).view(np.int64))]
    return [int(value)]


register_model(Reference)(models.OpaqueModel)


@typeof_impl.register(Record)
def _type_of(record: Record, context: Any) -> Reference:
    return record.reference


@unbox(Reference)
def _unbox(type_: Reference, record: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(record, type_.name)
    found = cgutils.alloca_once_value(c.builder, ir.Constant(c.context.get_value_type(types.int64), 0))
    with c.pyapi.if_object_ok(address):
        c.builder.store(c.pyapi.long_as_longlong(address), found)
        c.pyapi.decref(address)
    pointer = c.builder.inttoptr(c.builder.load(found), c.context.get_value_type(type_))
    return NativeValue(pointer, is_error=c.pyapi.c_api_error())


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, type_: Reference, field: str) -> types.Type | None:  # type: ignore[override]
        return type_.places[field][1] if field in type_.places else None


@lower_getattr_generic(Reference)
def _field(context: Any, builder: Any, type_: Reference, record: Any, field: str) -> Any:
    place, wanted = type_.places[field]
    return _load(context, builder, builder.bitcast(record, ir.IntType(64).as_pointer()), place, wanted)


def _load(context: Any, builder: Any, words: Any, place: int, type_: types.Type) -> Any:
    """Build what the words from this place on stand for. Arrays belong to Python: nobody counts references to them."""
    if isinstance(type_, types.BaseTuple):
        items = []
        for of in _items(type_):
            items.append(_load(context, builder, words, place, of))
            place += _words(of)
        return context.make_tuple(builder, type_, items)
    kind = context.get_value_type(type_)
    word = builder.load(cgutils.gep_inbounds(builder, words, place))
    if isinstance(type_, types.Array):
        size = context.get_abi_sizeof(context.get_data_type(type_.dtype))
        shape = [builder.load(cgutils.gep_inbounds(builder, words, place + 1 + axis)) for axis in range(type_.ndim)]
        strides = [ir.Constant(ir.IntType(64), size)]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        array = arrayobj.make_array(type_)(context, builder)
        arrayobj.populate_array(
            array, data=builder.inttoptr(word, array.data.type), shape=shape, strides=strides,
            itemsize=ir.Constant(ir.IntType(64), size), meminfo=None,
        )  # fmt: skip
        return array._getvalue()
    if isinstance(type_, Reference):
        return builder.inttoptr(word, kind)
    if isinstance(type_, types.Float):
        return builder.bitcast(word, kind)
    return builder.trunc(word, kind) if kind.width < ir.IntType(64).width else word
