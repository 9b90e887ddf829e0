#include "sim/base/arithmetic.hpp"

#include <cmath>
#include <cstring>

#include "sim/base/content_hash.hpp"

namespace prefdyn {

namespace {

template <class Real>
void append(std::string& bytes, Real value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Arguments from 2^-12 to about 40, whose last bits are as good as random.
template <class Real>
void append_values(std::string& bytes) {
    constexpr int kArguments = 4000;
    Real x = Real(1) / Real(4096);
    for (int k = 0; k < kArguments; ++k, x *= Real(1.0024)) {
        volatile Real seen = x;  // no value is computed by the compiler
        const Real a = seen;
        for (const Real value :
             {std::exp(a), std::exp(-a), std::log(a), std::log1p(a), std::expm1(-a), std::tanh(a),
              std::sin(a), std::cos(a), std::pow(a, Real(0.7)), std::erf(a), std::lgamma(a)})
            append(bytes, value);
    }
}

}  // namespace

const std::string& arithmetic_mark() {
    static const std::string mark = [] {
        std::string bytes;
        append_values<double>(bytes);
        append_values<float>(bytes);
        return content_hash(bytes).substr(0, 8);
    }();
    return mark;
}

}  // namespace prefdyn
