"""ONNX files by hand: just enough of protobuf's wire format to write small models, right and wrong ones, without any package."""
import struct

FLOAT, INT64 = 1, 7


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def blob(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def ints(name, values):
    """An attribute of integers."""
    return blob(5, blob(1, name) + b"".join(number(8, v) for v in values) + number(20, 7))


def node(op, inputs, outputs, *attributes):
    return blob(1, b"".join(blob(1, i) for i in inputs) + b"".join(blob(2, o) for o in outputs) + blob(4, op) + b"".join(attributes))


def tensor(name, dims, data=None, data_type=FLOAT, external=None):
    """An initializer: raw data, or external = {"location": …}. Without data it is filled with zeros."""
    body = b"".join(number(1, d) for d in dims) + number(2, data_type) + blob(8, name)
    if external is not None:
        body += b"".join(blob(13, blob(1, k) + blob(2, v)) for k, v in external.items()) + number(14, 1)
    elif data is not None:
        body += blob(9, data)
    return blob(5, body)


def floats(name, dims, value=0.5):
    n = 1
    for d in dims:
        n *= d
    return tensor(name, dims, struct.pack("<f", value) * n)


def int64s(name, values):
    return tensor(name, [len(values)], struct.pack(f"<{len(values)}q", *values), INT64)


def value(field, name, dims):
    """An input (field 11) or output (field 12) of float32; a dimension is a number or a symbol."""
    shape = b"".join(blob(1, number(1, d) if isinstance(d, int) else blob(2, d)) for d in dims)
    return blob(field, blob(1, name) + blob(2, blob(1, number(1, FLOAT) + blob(2, shape))))


def model(*graph, opset=13):
    return number(1, 8) + blob(7, b"".join(graph)) + blob(8, number(2, opset))


def simple(*middle, shape=(1, 4), result="y"):
    return model(value(11, "x", shape), value(12, result, []), *middle)
