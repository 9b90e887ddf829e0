#include "experiments/certify/exact/real.hpp"

#if __has_include(<flint/arb.h>)
#include <flint/arb.h>
#include <flint/arb_hypgeom.h>
#include <flint/fmpq.h>
#else
#include <arb.h>
#include <arb_hypgeom.h>
#include <flint/fmpq.h>
#endif

#include <algorithm>
#include <new>
#include <utility>

namespace prefdyn::certify {

struct Access {
    static arb_ptr of(Real& x) {
        return std::launder(reinterpret_cast<arb_ptr>(x.storage_.data()));
    }
    static arb_srcptr of(const Real& x) {
        return std::launder(reinterpret_cast<arb_srcptr>(x.storage_.data()));
    }
};

static_assert(sizeof(arb_struct) == sizeof(Real) && alignof(arb_struct) <= alignof(Real),
              "an array of Real is one of arb_struct");

namespace {

thread_local slong working_bits = 128;

arb_ptr at(Real& x) { return Access::of(x); }
arb_srcptr at(const Real& x) { return Access::of(x); }

template <class Work>
Real made(Work work) {
    Real out;
    work(at(out));
    return out;
}

constexpr long kManyBits = 1L << 20;

}  // namespace

Precision::Precision(long bits) : before_(std::exchange(working_bits, bits)) {}
Precision::~Precision() { working_bits = before_; }
long Precision::bits() { return working_bits; }

Real::Real() { arb_init(new (storage_.data()) arb_struct); }
Real::Real(double exact) : Real() { arb_set_d(at(*this), exact); }
Real::Real(const Real& other) : Real() { arb_set(at(*this), at(other)); }
Real::Real(Real&& other) noexcept : Real() { arb_swap(at(*this), at(other)); }
Real& Real::operator=(const Real& other) {
    arb_set(at(*this), at(other));
    return *this;
}
Real& Real::operator=(Real&& other) noexcept {
    arb_swap(at(*this), at(other));
    return *this;
}
Real::~Real() { arb_clear(at(*this)); }

Real Real::hull(const Real& a, const Real& b) {
    return made([&](arb_ptr z) { arb_union(z, at(a), at(b), working_bits); });
}
Real Real::widened(const Real& by) const {
    Real out = *this;
    arb_add_error(at(out), at(by));
    return out;
}
Real Real::middle() const {
    return made([&](arb_ptr z) { arb_get_mid_arb(z, at(*this)); });
}
Real Real::radius() const {
    return made([&](arb_ptr z) { arb_get_rad_arb(z, at(*this)); });
}

Real Real::upper() const {
    return made([&](arb_ptr z) { arb_get_ubound_arf(arb_midref(z), at(*this), working_bits); });
}

bool Real::is_finite() const { return arb_is_finite(at(*this)) != 0; }
bool Real::is_exact() const { return arb_is_exact(at(*this)) != 0; }
bool Real::contains_zero() const { return arb_contains_zero(at(*this)) != 0; }
bool Real::is_zero() const { return arb_is_zero(at(*this)) != 0; }
bool Real::is_positive() const { return arb_is_positive(at(*this)) != 0; }
bool Real::is_negative() const { return arb_is_negative(at(*this)) != 0; }
bool Real::is_nonnegative() const { return arb_is_nonnegative(at(*this)) != 0; }
bool Real::contains(double x) const { return arb_contains(at(*this), at(Real(x))) != 0; }

double Real::value() const { return arf_get_d(arb_midref(at(*this)), ARF_RND_NEAR); }

namespace {

double end(const Real& x, void (*bound)(arf_t, const arb_t, slong), arf_rnd_t direction) {
    arf_t at_end;
    arf_init(at_end);
    bound(at_end, at(x), 64);
    const double out = arf_get_d(at_end, direction);
    arf_clear(at_end);
    return out;
}

}  // namespace

double Real::low() const { return end(*this, arb_get_lbound_arf, ARF_RND_FLOOR); }
double Real::high() const { return end(*this, arb_get_ubound_arf, ARF_RND_CEIL); }

long Real::narrower_than(const Real& scale) const {
    if (!is_finite()) return 0;
    if (is_exact()) return kManyBits;
    // 2 radius <= 2^(radius exponent + 1), and |scale| >= 2^(scale exponent - 1).
    const arf_srcptr middle = arb_midref(at(scale));
    const slong radius = fmpz_get_si(MAG_EXPREF(arb_radref(at(*this))));
    if (arf_is_special(middle)) return 0;
    const slong size = fmpz_get_si(ARF_EXPREF(middle));
    return std::clamp<long>(size - 1 - radius - 1, 0, kManyBits);
}

std::string Real::digits(long count) const {
    char* text = arb_get_str(at(*this), count, ARB_STR_NO_RADIUS);
    std::string out = text;
    flint_free(text);
    return out;
}

std::string Real::fraction() const {
    fmpq_t ratio;
    fmpq_init(ratio);
    arf_get_fmpq(ratio, arb_midref(at(*this)));
    char* text = fmpq_get_str(nullptr, 10, ratio);
    std::string out = text;
    flint_free(text);
    fmpq_clear(ratio);
    return out;
}

Real& Real::operator+=(const Real& b) {
    arb_add(at(*this), at(*this), at(b), working_bits);
    return *this;
}
Real& Real::operator-=(const Real& b) {
    arb_sub(at(*this), at(*this), at(b), working_bits);
    return *this;
}
Real& Real::operator*=(const Real& b) {
    arb_mul(at(*this), at(*this), at(b), working_bits);
    return *this;
}
Real& Real::operator/=(const Real& b) {
    arb_div(at(*this), at(*this), at(b), working_bits);
    return *this;
}

Real operator-(const Real& a) {
    return made([&](arb_ptr z) { arb_neg(z, at(a)); });
}
Real operator+(const Real& a, const Real& b) {
    return made([&](arb_ptr z) { arb_add(z, at(a), at(b), working_bits); });
}
Real operator-(const Real& a, const Real& b) {
    return made([&](arb_ptr z) { arb_sub(z, at(a), at(b), working_bits); });
}
Real operator*(const Real& a, const Real& b) {
    return made([&](arb_ptr z) { arb_mul(z, at(a), at(b), working_bits); });
}
Real operator/(const Real& a, const Real& b) {
    return made([&](arb_ptr z) { arb_div(z, at(a), at(b), working_bits); });
}

Real sqrt(const Real& x) {
    return made([&](arb_ptr z) { arb_sqrtpos(z, at(x), working_bits); });
}
Real exp(const Real& x) {
    return made([&](arb_ptr z) { arb_exp(z, at(x), working_bits); });
}
Real expm1(const Real& x) {
    return made([&](arb_ptr z) { arb_expm1(z, at(x), working_bits); });
}
Real log(const Real& x) {
    return made([&](arb_ptr z) { arb_log(z, at(x), working_bits); });
}
Real log1p(const Real& x) {
    return made([&](arb_ptr z) { arb_log1p(z, at(x), working_bits); });
}
Real sin(const Real& x) {
    return made([&](arb_ptr z) { arb_sin(z, at(x), working_bits); });
}
Real cos(const Real& x) {
    return made([&](arb_ptr z) { arb_cos(z, at(x), working_bits); });
}
Real normal_cdf(const Real& x) {
    const Real scaled = -x / sqrt(Real(2.0));
    const Real tail = made([&](arb_ptr z) { arb_hypgeom_erfc(z, at(scaled), working_bits); });
    return Real(0.5) * tail;
}
Real abs(const Real& x) {
    return made([&](arb_ptr z) { arb_abs(z, at(x)); });
}
Real square(const Real& x) {
    return made([&](arb_ptr z) { arb_sqr(z, at(x), working_bits); });
}
Real power(const Real& x, std::uint64_t exponent) {
    return made([&](arb_ptr z) { arb_pow_ui(z, at(x), exponent, working_bits); });
}
Real min(const Real& a, const Real& b) {
    return made([&](arb_ptr z) { arb_min(z, at(a), at(b), working_bits); });
}
Real max(const Real& a, const Real& b) {
    return made([&](arb_ptr z) { arb_max(z, at(a), at(b), working_bits); });
}

void add_product(Real& into, const Real& a, const Real& b) {
    arb_addmul(at(into), at(a), at(b), working_bits);
}

Real dot(const Real* x, std::ptrdiff_t x_step, const Real* y, std::ptrdiff_t y_step,
         std::ptrdiff_t count) {
    if (count == 0) return {};
    return made([&](arb_ptr z) {
        arb_dot(z, nullptr, 0, at(*x), x_step, at(*y), y_step, count, working_bits);
    });
}

}  // namespace prefdyn::certify
