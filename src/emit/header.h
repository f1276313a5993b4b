// NAME.h: all that a user includes.
#pragma once
#include <string>
#include <vector>

#include "emit/interface.h"

namespace gw {

// `head`: the comment that every file begins with. Adds to `renamed` a sentence for each macro whose name a clash changed.
std::string header_text(const Program& program, const Graph& graph, const EmitOptions& options, const Interface& face,
                        const WeightsBlob& weights, const std::string& head, std::vector<std::string>& renamed);

// "NAME_CONSTANT_MEM_SIZE" and so on: the bytes of a block as a Glow bundle's header states them, never 0.
int64_t glow_size(const Interface& face, const EmittedBlock& block);

}  // namespace gw
