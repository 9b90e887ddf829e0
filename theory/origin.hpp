#pragma once
// Whose statements the claims are.

#include <string>

namespace prefdyn::theory {

/// What a claim is taken from. Without a paper it is this project's own.
struct Origin {
    std::string paper = {};      ///< authors and title
    std::string reference = {};  ///< arXiv id and venue
    std::string number = {};     ///< of the statement there, where it is known
    std::string relation = {};   ///< what of it the claim says
};

/// In one line: "own", or paper (reference), number: relation.
std::string origin_text(const Origin& origin);

Origin im_li(std::string number, std::string relation);
Origin rafailov(std::string number, std::string relation);
Origin razin(std::string number, std::string relation);
Origin ren_sutherland(std::string number, std::string relation);

}  // namespace prefdyn::theory
