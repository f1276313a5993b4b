// CHECK: for what can only be false when Glowworm itself is wrong. A wrong model or command is a Diagnostic instead.
#pragma once
#include <string_view>

namespace gw {

// Called with the failed condition. The default prints one line to standard error and ends the process with status 2.
using CheckHandler = void (*)(std::string_view file, int line, std::string_view condition, std::string_view message);
void set_check_handler(CheckHandler handler);
[[noreturn]] void check_failed(std::string_view file, int line, std::string_view condition, std::string_view message);

}  // namespace gw

#define GW_CHECK(cond, message) \
    do { \
        if (!(cond)) ::gw::check_failed(__FILE__, __LINE__, #cond, message); \
    } while (false)
