// What happens when an invariant of our own is broken: say where, and stop with the status that means "our bug".
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace gw {
namespace {
CheckHandler handler_ = nullptr;
}

void set_check_handler(CheckHandler handler) { handler_ = handler; }

void check_failed(std::string_view file, int line, std::string_view condition, std::string_view message) {
    if (handler_ != nullptr) handler_(file, line, condition, message);
    const size_t slash = file.rfind("/src/");
    if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
    std::fprintf(stderr, "glowworm: internal error: %.*s:%d: %.*s (%.*s); this is a bug in glowworm\n", static_cast<int>(file.size()),
                 file.data(), line, static_cast<int>(message.size()), message.data(), static_cast<int>(condition.size()), condition.data());
    std::_Exit(2);
}

}  // namespace gw
