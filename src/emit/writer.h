// Pieces of C text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace gw {

// Text that cannot end the comment it stands in, on one line.
std::string comment_text(std::string_view text);
// Every identifier that begins with `from` begins with `to` instead; strings and comments too, so that they speak of the right names.
std::string rename_prefix(std::string_view text, std::string_view from, std::string_view to);
// "function(a, b, c);\n", broken after 140 columns.
std::string wrapped_call(const std::string& function_with_indent, const std::vector<std::string>& arguments);
// Initialisers of a constant array, 120 columns, indented.
std::string array_body(const Tensor& tensor);
// gw_kernel.h without its licence line and guard.
std::string kernel_header_body();

}  // namespace gw
