// NAME_selftest.c.
#pragma once
#include <string>

#include "emit/interface.h"

namespace gw {

// `head`: the comment that every file begins with. Needs options.selftest.
std::string selftest_text(const Program& program, const EmitOptions& options, const Interface& face, const std::string& head);

}  // namespace gw
