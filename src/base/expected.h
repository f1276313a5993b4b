// Expected<T>: a value, or the fact that a diagnostic has been reported. It carries no error text, so none can be lost or doubled.
#pragma once
#include <optional>
#include <utility>

#include "base/check.h"

namespace gw {

struct Failure {};
inline constexpr Failure failure{};

template <class T>
class [[nodiscard]] Expected {
public:
    Expected(T value) : value_(std::move(value)) {}  // NOLINT: implicit on purpose
    Expected(Failure) {}                             // NOLINT
    explicit operator bool() const { return value_.has_value(); }
    bool ok() const { return value_.has_value(); }
    T& operator*() & { return get(); }
    const T& operator*() const& { return const_cast<Expected*>(this)->get(); }
    T&& operator*() && { return std::move(get()); }
    T* operator->() { return &get(); }
    const T* operator->() const { return &const_cast<Expected*>(this)->get(); }

private:
    T& get() {
        GW_CHECK(value_.has_value(), "value of a failed Expected used");
        return *value_;
    }
    std::optional<T> value_;
};

template <>
class [[nodiscard]] Expected<void> {
public:
    Expected() = default;
    Expected(Failure) : ok_(false) {}  // NOLINT
    explicit operator bool() const { return ok_; }
    bool ok() const { return ok_; }

private:
    bool ok_ = true;
};

using Status = Expected<void>;

}  // namespace gw

#define GW_CONCAT_(a, b) a##b
#define GW_CONCAT(a, b) GW_CONCAT_(a, b)
// GW_TRY(auto x, f(…)): x is the value, or this function returns failure.
#define GW_TRY(declaration, expression) \
    auto GW_CONCAT(try_, __LINE__) = (expression); \
    if (!GW_CONCAT(try_, __LINE__).ok()) return ::gw::failure; \
    declaration = *std::move(GW_CONCAT(try_, __LINE__))
// GW_TRY_DO(f(…)): the same for a Status.
#define GW_TRY_DO(expression) \
    do { \
        if (!(expression).ok()) return ::gw::failure; \
    } while (false)
