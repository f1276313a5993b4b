// Pools, and what they share with convolutions: the window. Average pools of integers keep the scale, divide by the positions inside the
// picture and round half away from zero, which is pool2d's own meaning.
#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"
#include "frontend/tflite/window.h"

namespace gw {

Status resolve_window(TfliteNode& n, TfliteWindow& w, const Pair& in, tfl::Padding padding) {
    constexpr int64_t most = 1 << 16;
    for (size_t i = 0; i < 2; ++i) {
        if (w.kernel[i] < 1 || w.kernel[i] > most) return n.malformed("window size {} is out of range", w.kernel[i]);
        if (w.stride[i] < 1 || w.stride[i] > most) return n.malformed("stride {} is out of range", w.stride[i]);
        if (w.dilation[i] < 1 || w.dilation[i] > most) return n.malformed("dilation {} is out of range", w.dilation[i]);
        const int64_t extent = (w.kernel[i] - 1) * w.dilation[i] + 1;
        if (padding == tfl::Padding::same) {
            const int64_t out = (in[i] + w.stride[i] - 1) / w.stride[i];
            const int64_t total = std::max<int64_t>(0, (out - 1) * w.stride[i] + extent - in[i]);
            w.pad[i] = total / 2;
            w.pad[i + 2] = total - total / 2;
        } else if (padding != tfl::Padding::valid) {
            return n.malformed("padding scheme {} is not known", static_cast<int>(padding));
        } else if (extent > in[i]) {
            return n.malformed("the window covers {} positions, the picture has {}", extent, in[i]);
        }
    }
    return {};
}

namespace tflite_ops {
namespace {
Status pool(TfliteNode& n, PoolKind kind) {
    GW_TRY_DO(n.operands(1, 1));
    const auto* o = n.options<tfl::PoolOptions>();
    if (o == nullptr) return n.malformed("has no options");
    const Type& x = n.type(0);
    if (x.shape.rank() != 4) return n.malformed("operand 0 is {}, expected rank 4", x.text());
    if (n.out_type(0).dtype != x.dtype) return n.bad_types();
    TfliteWindow w;
    w.kernel = {o->filter_h(), o->filter_w()};
    w.stride = {o->stride_h(), o->stride_w()};
    GW_TRY_DO(resolve_window(n, w, {x.shape[1], x.shape[2]}, o->padding()));
    Pool2D op;
    op.kind = kind;
    op.kernel = w.kernel, op.stride = w.stride, op.pad = w.pad;
    if (x.dtype == DType::float32) {
        GW_TRY(FloatRange act, float_activation(n, o->activation()));
        op.act_lo = act.lo, op.act_hi = act.hi;
    } else if (x.dtype == DType::int8 || x.dtype == DType::int16) {
        GW_TRY(Quant q, n.out_quant());
        GW_TRY(IntRange act, int_activation(n, o->activation(), q, x.dtype));
        op.lo = act.lo, op.hi = act.hi;
        op.x_zero = q.zero_point();
    } else {
        return n.bad_types();
    }
    return n.result(n.emit(op, {n.value(0)}));
}
}  // namespace

Status average_pool(TfliteNode& n) { return pool(n, PoolKind::average); }
Status max_pool(TfliteNode& n) { return pool(n, PoolKind::max); }

}  // namespace tflite_ops
}  // namespace gw
