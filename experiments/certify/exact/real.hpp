#pragma once
// A real number enclosed in a ball: every operation returns a ball that holds the exact result for
// whatever its operands' balls hold. Arithmetic by FLINT/Arb; real.cpp alone knows it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace prefdyn::certify {

/// Bits that results of this thread are rounded to, while it lives.
class Precision {
  public:
    explicit Precision(long bits);
    ~Precision();
    Precision(const Precision&) = delete;
    Precision& operator=(const Precision&) = delete;
    static long bits();

  private:
    long before_;
};

class Real {
  public:
    Real();              ///< 0
    Real(double exact);  // NOLINT: a double is a Real without error
    Real(const Real& other);
    Real(Real&& other) noexcept;
    Real& operator=(const Real& other);
    Real& operator=(Real&& other) noexcept;
    ~Real();

    /// Holds whatever either of them holds.
    static Real hull(const Real& a, const Real& b);
    /// Larger by |by| on both sides.
    Real widened(const Real& by) const;
    Real middle() const;  ///< of the ball, an exact number
    Real radius() const;  ///< an exact number
    Real upper() const;   ///< an exact number not below any of the ball

    bool is_finite() const;
    bool is_exact() const;
    bool contains_zero() const;
    bool is_zero() const;      ///< exactly
    bool is_positive() const;  ///< all of it
    bool is_negative() const;
    bool is_nonnegative() const;
    bool contains(double x) const;

    double value() const;  ///< the middle, nearest
    double low() const;    ///< not above any number of the ball
    double high() const;
    /// The largest k such that the ball is narrower than 2^-k |scale|, between 0 and 2^20; 2^20 for
    /// one that is exact.
    long narrower_than(const Real& scale) const;
    std::string digits(long count) const;  ///< decimal, with what is known of it
    std::string fraction() const;          ///< the middle, as p/q

    Real& operator+=(const Real& b);
    Real& operator-=(const Real& b);
    Real& operator*=(const Real& b);
    Real& operator/=(const Real& b);

  private:
    friend struct Access;
    alignas(8) std::array<std::byte, 48> storage_;
};

Real operator-(const Real& a);
Real operator+(const Real& a, const Real& b);
Real operator-(const Real& a, const Real& b);
Real operator*(const Real& a, const Real& b);
Real operator/(const Real& a, const Real& b);

Real sqrt(const Real& x);  ///< what lies below zero is cut off
Real exp(const Real& x);
Real expm1(const Real& x);
Real log(const Real& x);
Real log1p(const Real& x);
Real sin(const Real& x);
Real cos(const Real& x);
Real normal_cdf(const Real& x);  ///< Phi
Real abs(const Real& x);
Real square(const Real& x);
Real power(const Real& x, std::uint64_t exponent);
Real min(const Real& a, const Real& b);
Real max(const Real& a, const Real& b);

/// into += a b.
void add_product(Real& into, const Real& a, const Real& b);
/// sum_k x[k x_step] y[k y_step], rounded once.
Real dot(const Real* x, std::ptrdiff_t x_step, const Real* y, std::ptrdiff_t y_step,
         std::ptrdiff_t count);

}  // namespace prefdyn::certify
