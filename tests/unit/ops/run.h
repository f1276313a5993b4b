// Runs one op the way a graph does: infer, allocate, evaluate.
#pragma once
#include <gtest/gtest.h>

#include <random>

#include "ops/op.h"

namespace gw::test {

inline std::vector<Operand> operands_of(const std::vector<Tensor>& in, bool constant = false) {
    std::vector<Operand> operands;
    for (const Tensor& t : in) operands.push_back(t.valid() ? Operand{&t.type, constant ? &t : nullptr} : Operand{});
    return operands;
}

// The inferred type of the only result; reports the diagnostics when infer fails.
inline Type infer_type(const Op& op, const std::vector<Tensor>& in) {
    Diagnostics diag;
    Expected<std::vector<Type>> types = infer(op, operands_of(in), {Location{}, &diag});
    for (const Diagnostic& d : diag.all()) ADD_FAILURE() << op_name(op) << ": " << d.text();
    return types.ok() && !types->empty() ? types->front() : Type{};
}

// All results. An invalid Tensor{} stands for an absent operand.
inline std::vector<Tensor> run_all(const Op& op, const std::vector<Tensor>& in) {
    Diagnostics diag;
    const Expected<std::vector<Type>> types = infer(op, operands_of(in), {Location{}, &diag});
    for (const Diagnostic& d : diag.all()) ADD_FAILURE() << op_name(op) << ": " << d.text();
    if (!types.ok()) return {Tensor::zeros({})};
    std::vector<const Tensor*> pointers;
    for (const Tensor& t : in) pointers.push_back(t.valid() ? &t : nullptr);
    std::vector<Tensor> out;
    for (const Type& type : *types) out.push_back(Tensor::zeros(type));
    evaluate(op, pointers, out);
    return out;
}
// The first of them.
inline Tensor run(const Op& op, const std::vector<Tensor>& in) { return run_all(op, in).front(); }

// The text of the diagnostic that infer gives; empty when it accepts. Operands count as constants.
inline std::string infer_error(const Op& op, const std::vector<Tensor>& in) {
    Diagnostics diag;
    const bool ok = infer(op, operands_of(in, true), {Location{}, &diag}).ok();
    EXPECT_EQ(ok, diag.errors() == 0) << op_name(op);
    return diag.all().empty() ? "" : diag.all().front().text();
}

template <class T>
std::vector<T> values(const Tensor& t) {
    const auto d = t.data<T>();
    return {d.begin(), d.end()};
}

class Random {
public:
    explicit Random(uint32_t seed) : engine_(seed) {}
    int64_t integer(int64_t lo, int64_t hi) { return std::uniform_int_distribution<int64_t>(lo, hi)(engine_); }
    double real(double lo, double hi) { return std::uniform_real_distribution<double>(lo, hi)(engine_); }
    bool coin() { return integer(0, 1) == 1; }
    template <class T>
    T pick(const std::vector<T>& from) {
        return from[static_cast<size_t>(integer(0, static_cast<int64_t>(from.size()) - 1))];
    }
    double element(DType t) {
        switch (t) {
            case DType::boolean:
                return static_cast<double>(integer(0, 1));
            case DType::int4:
                return static_cast<double>(integer(-8, 7));
            case DType::uint4:
                return static_cast<double>(integer(0, 15));
            case DType::int8:
                return static_cast<double>(integer(-128, 127));
            case DType::uint8:
                return static_cast<double>(integer(0, 255));
            case DType::float16:
            case DType::float32:
            case DType::float64:
                return real(-2, 2);
            default:
                return static_cast<double>(integer(is_integer(t) && lowest(t) < 0 ? -1000 : 0, 1000));
        }
    }
    Tensor tensor(DType t, Shape shape, Quant q = {}) {
        Tensor r = Tensor::zeros({t, std::move(shape), std::move(q)});
        for (int64_t i = 0; i < r.elements(); ++i) r.set(i, element(t));
        return r;
    }

private:
    std::mt19937 engine_;
};

inline Tensor floats(Shape shape, const std::vector<float>& v) { return Tensor::of<float>(std::move(shape), v); }
inline Tensor bytes(Shape shape, const std::vector<int8_t>& v, Quant q = {}) {
    return Tensor::of<int8_t>(std::move(shape), v, std::move(q));
}
inline Requant one_to_one() { return {Rounding::narrow, 0, {2}, {1}, 0, -128, 127}; }

}  // namespace gw::test
