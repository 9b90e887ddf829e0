// Our draws are Boost.Random's, bit for bit and word for word; the edges of the ziggurats are right
// to the last bit; and what is claimed of other mathematical libraries holds of one that is off in
// every last bit.
#include "sim/data/noise_draw.hpp"

#include <doctest/doctest.h>

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/random/bernoulli_distribution.hpp>
#include <boost/random/exponential_distribution.hpp>
#include <boost/random/gamma_distribution.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/student_t_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <cstring>
#include <functional>

#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

constexpr long kDraws = 1000000;
using Wide = boost::multiprecision::cpp_bin_float_50;

/// A stream with the words between which everything happens thrown in: ends of layers and of
/// halves, and words that round up to 1.
class HostileWords {
  public:
    using result_type = std::uint64_t;
    explicit HostileWords(std::uint64_t index) : stream_(test::seed(), Purpose::kSearch, index) {}
    static constexpr result_type min() { return Stream::min(); }
    static constexpr result_type max() { return Stream::max(); }
    result_type operator()() {
        const std::uint64_t word = stream_();
        if (word % 7 != 0) return word;
        constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
        const std::uint64_t special[] = {0,
                                         0x7ff,
                                         0x800,
                                         0x8ff,
                                         ~0x7ffull,
                                         ~0x400ull,
                                         ~0x3ffull,
                                         ~0ull,
                                         kHalf,
                                         kHalf + 1024,
                                         kHalf + 1025,
                                         kHalf - 1,
                                         kHalf - 513,
                                         ~0xffull,
                                         word | 0xff00000000000000u,
                                         word & ~0xffull};
        return special[(word / 7) % std::size(special)];
    }

  private:
    Stream stream_;
};

using Sample = std::function<double(HostileWords&)>;

/// A family as Boost.Random draws it.
Sample boost_sample(const NoiseSpec& noise) {
    const double scale = noise_law(noise).scale, a = noise.tail_exponent;
    switch (noise.tails) {
        case Tails::kGaussian:
            return boost::random::normal_distribution<double>();
        case Tails::kGeneralizedNormal:
            return [=, gamma = boost::random::gamma_distribution<double>(1.0 / a, 1.0)](
                       HostileWords& words) mutable {
                const double magnitude = scale * std::pow(gamma(words), 1.0 / a);
                const bool positive = boost::random::bernoulli_distribution<double>(0.5)(words);
                return positive ? magnitude : -magnitude;
            };
        case Tails::kUniform:
            return boost::random::uniform_real_distribution<double>(-scale, scale);
        case Tails::kStudentT:
            // As student_t_distribution, which leaves open whether normal or chi^2 comes first.
            return [=, nu = noise.degrees_of_freedom,
                    normal = boost::random::normal_distribution<double>(),
                    chi_squared = boost::random::chi_squared_distribution<double>(
                        noise.degrees_of_freedom)](HostileWords& words) mutable {
                const double z = normal(words);
                return scale * (z / std::sqrt(chi_squared(words) / nu));
            };
    }
    return {};
}

template <class Math = StandardMath, class Words>
double own_sample(const NoiseSpec& noise, const NoiseLaw& law, Words& words) {
    NoiseDraw<Words, Math> draw(words, ziggurat_edges());
    double x = kNan;
    with_tails(noise.tails, [&](auto tails) { x = draw.template next<tails.value>(law); });
    return x;
}

/// Zero has no sign here: Boost's is positive because a mean of 0 was added to it. A word of 0 in
/// the wrong places makes Student's t 0 / 0.
bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

std::vector<NoiseSpec> members() {
    std::vector<NoiseSpec> out = {{Tails::kGaussian, 1.0, 5.0}, {Tails::kUniform, 1.0, 5.0}};
    for (const double a : {0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 8.0})
        out.push_back({Tails::kGeneralizedNormal, a, 5.0});
    for (const double nu : {0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 12.0, 200.0})
        out.push_back({Tails::kStudentT, 1.0, nu});
    return out;
}

void capture(const NoiseSpec& noise) {
    MESSAGE(tail_names()[static_cast<std::size_t>(noise.tails)]
            << " alpha " << noise.tail_exponent << " nu " << noise.degrees_of_freedom);
}

/// The x and y of a ziggurat of n layers over f, its inverse and its tail, in 50 digits: the one
/// start of the tail, between `low` and `high`, for which the last layer ends at y = 1.
struct WideZiggurat {
    std::function<Wide(Wide)> density, inverse, tail;
    std::vector<Wide> x, y;

    /// How far beyond 1 the last layer ends.
    Wide stack(int n, const Wide& start) {
        const Wide area = start * density(start) + tail(start);
        x = {area / density(start), start};
        y = {0, density(start)};
        for (int i = 2; i <= n; ++i) {
            y.push_back(y.back() + area / x.back());
            if (i < n && y.back() >= 1) return n - i + 1;
            x.push_back(i < n ? inverse(y.back()) : Wide(0));
        }
        return y.back() - 1;
    }
    void solve(int n, Wide low, Wide high) {
        for (int k = 0; k < 180; ++k) {
            const Wide middle = (low + high) / 2;
            (stack(n, middle) > 0 ? low : high) = middle;
        }
        stack(n, high);
    }
};

void check_edges(const WideZiggurat& want, const double* x, const double* y, int n) {
    REQUIRE(want.x.size() == static_cast<std::size_t>(n) + 1);
    int wrong = 0;
    for (int i = 0; i <= n; ++i) {
        const auto k = static_cast<std::size_t>(i);
        wrong += x[i] != want.x[k].convert_to<double>();
        wrong += y[i] != (i < n ? want.y[k].convert_to<double>() : 1.0);
    }
    CHECK(wrong == 0);
}

/// A mathematical library that is off by one in every last bit.
struct OtherMath {
    static double off(double x) {
        std::uint64_t bits;
        std::memcpy(&bits, &x, sizeof bits);
        return std::nextafter(x, bits % 3 ? kInfinity : -kInfinity);
    }
    static double exp(double x) { return off(std::exp(x)); }
    static double log(double x) { return off(std::log(x)); }
    static double pow(double x, double y) { return off(std::pow(x, y)); }
    static double tan(double x) { return off(std::tan(x)); }
};

}  // namespace

TEST_CASE("the edges of the ziggurats are those of 50 digits, rounded once") {
    namespace mp = boost::multiprecision;
    const Wide half_root = mp::sqrt(boost::math::constants::pi<Wide>() / 2);
    WideZiggurat normal{
        [](Wide x) { return mp::exp(-x * x / 2); },
        [](Wide y) { return mp::sqrt(-2 * mp::log(y)); },
        [=](Wide r) { return half_root * boost::math::erfc(r / mp::sqrt(Wide(2))); },
        {},
        {}};
    normal.solve(128, 3, 4);
    check_edges(normal, ziggurat_edges().normal_x, ziggurat_edges().normal_y, 128);
    const auto decay = [](Wide x) { return mp::exp(-x); };
    WideZiggurat exponential{decay, [](Wide y) { return -mp::log(y); }, decay, {}, {}};
    exponential.solve(256, 7, 8);
    check_edges(exponential, ziggurat_edges().exponential_x, ziggurat_edges().exponential_y, 256);
}

TEST_CASE("every family has the bits of Boost.Random and takes the same words") {
    std::uint64_t index = 0;
    for (const NoiseSpec& noise : members()) {
        HostileWords theirs(index), ours(index);
        ++index;
        const Sample boost = boost_sample(noise);
        const NoiseLaw law = noise_law(noise);
        long different = 0;
        for (long k = 0; k < kDraws; ++k)
            different += !same(own_sample(noise, law, ours), boost(theirs));
        if (different > 0) capture(noise);
        CHECK(different == 0);
        CHECK(ours() == theirs());
    }
}

TEST_CASE("the exponential draw is Boost's, its tail repeated included") {
    HostileWords theirs(900), ours(900);
    boost::random::exponential_distribution<double> boost;
    NoiseDraw<HostileWords> draw(ours, ziggurat_edges());
    long different = 0, tails = 0;
    for (long k = 0; k < kDraws; ++k) {
        const double x = draw.exponential();
        different += !same(x, boost(theirs));
        tails += x > 2.0 * ziggurat_edges().exponential_x[1];
    }
    CHECK(different == 0);
    CHECK(tails > 0);
}

TEST_CASE("a million plain draws reach the tail of the normal law, and it is Boost's") {
    Stream theirs(test::seed(), Purpose::kFeatures, 77), ours(test::seed(), Purpose::kFeatures, 77);
    boost::random::normal_distribution<double> boost;
    NoiseDraw<Stream> draw(ours, ziggurat_edges());
    long different = 0, tails = 0;
    for (long k = 0; k < kDraws; ++k) {
        const double x = draw.normal();
        different += !same(x, boost(theirs));
        tails += std::fabs(x) > ziggurat_edges().normal_x[1];
    }
    CHECK(different == 0);
    CHECK(tails > 100);
}

TEST_CASE("fraction rounds a word to the nearest double") {
    HostileWords words(901);
    long wrong = 0;
    for (long k = 0; k < kDraws; ++k) {
        const std::uint64_t word = words();
        wrong += fraction(word) != std::ldexp(static_cast<double>(word), -64);
    }
    CHECK(wrong == 0);
}

TEST_CASE("laws that draw alike everywhere have the same bits with another mathematical library") {
    int alike = 0, other = 0;
    for (const NoiseSpec& noise : members()) {
        Stream standard(test::seed(), Purpose::kFeatures, 5), off = standard;
        const NoiseLaw law = noise_law(noise);
        long different = 0, apart = 0;
        for (long k = 0; k < kDraws; ++k) {
            const double x = own_sample(noise, law, standard);
            const double y = own_sample<OtherMath>(noise, law, off);
            different += !same(x, y);
            apart += !(test::relative_error(y, x) <= 1e-12);
        }
        if ((different == 0) != draws_alike_everywhere(noise)) capture(noise);
        CHECK((different == 0) == draws_alike_everywhere(noise));
        CHECK(apart == 0);
        ++(draws_alike_everywhere(noise) ? alike : other);
    }
    CHECK(alike == 4);  // Gaussian, uniform, Laplace, Student's t with nu = 2
    CHECK(other == 13);
}
