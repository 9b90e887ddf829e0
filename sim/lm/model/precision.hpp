#pragma once
// How a card multiplies. The processor knows kFloat32 alone.

#include <string>
#include <vector>

namespace prefdyn::transformer {

enum class Precision {
    kFloat32,   ///< single precision throughout
    kTf32,      ///< factors of products rounded to 10 bits behind the point, else single precision
    kBfloat16,  ///< weights and all but the residual stream in bfloat16, sums in single precision
};

inline const std::vector<std::string>& precision_names() {
    static const std::vector<std::string> names = {"float32", "tf32", "bfloat16"};
    return names;
}

}  // namespace prefdyn::transformer
