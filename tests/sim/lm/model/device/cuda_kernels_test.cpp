// Every kernel of the transformer against plain loops in double precision.
#include "tests/support/cuda_checks.hpp"
#include "tests/support/cuda_support.hpp"
#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;

namespace {

/// Numbers that bfloat16 holds exactly, so that rounding on the way in changes nothing.
std::vector<float> exact(Index count, std::uint64_t index, double scale = 1.0) {
    const auto w = test::random_weight({count}, 0.0, scale, 9000 + index);
    return {w.value.begin(), w.value.end()};
}

std::vector<float> poison(Index count) {
    return std::vector<float>(static_cast<std::size_t>(count), std::nanf(""));
}

/// ||got - want|| / ||want||, NaN if anything is.
double error_of(const std::vector<float>& got, const std::vector<double>& want) {
    REQUIRE(got.size() == want.size());
    double square = 0.0, size = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        square += (got[i] - want[i]) * (got[i] - want[i]);
        size += want[i] * want[i];
    }
    return std::sqrt(square / size);
}

struct Kind {
    Precision precision;
    double tolerance;
};
const std::vector<Kind> kKinds = {{Precision::kFloat32, 1e-6}, {Precision::kBfloat16, 5e-3}};

}  // namespace

TEST_CASE("card: norm of rows") {
    if (!test::card_for(14)) return;
    for (const Kind kind : kKinds)
        for (const long d : {1L, 4L, 31L, 33L, 1000L, 1028L, 4096L}) {
            CAPTURE(d);
            const long rows = d == 33 ? 1 : 7;
            const auto x = exact(rows * d, 1, 3.0), w = exact(d, 2);
            std::vector<float> y = poison(rows * d);
            device::checks::rms_norm(kind.precision, x.data(), w.data(), 1e-5, rows, d, y.data());
            std::vector<double> want;
            for (long i = 0; i < rows; ++i) {
                double square = 0.0;
                for (long j = 0; j < d; ++j)
                    square += std::pow(double(x[std::size_t(i * d + j)]), 2);
                for (long j = 0; j < d; ++j)
                    want.push_back(w[std::size_t(j)] * x[std::size_t(i * d + j)] /
                                   std::sqrt(square / double(d) + 1e-5));
            }
            CHECK(error_of(y, want) <= kind.tolerance);
        }
}

TEST_CASE("card: bias and rotation of queries and keys, bias alone of values") {
    if (!test::card_for(24)) return;
    const std::vector<int> position = {0, 1, 2, 0, 5, 4};
    const long rows = 6, positions = 6;
    for (const Kind kind : kKinds)
        for (const long h : {2L, 6L, 20L, 64L, 128L, 256L})
            for (const bool biased : {false, true}) {
                CAPTURE(h);
                CAPTURE(biased);
                const long heads = 3, kv = 1, width = (heads + 2 * kv) * h, half = h / 2;
                const auto bias = exact(width, 3), x = exact(rows * width, 4);
                const auto angle = exact(positions * half, 5, 2.0);
                std::vector<float> cosine, sine, got = x;
                for (const float a : angle)
                    cosine.push_back(std::cos(a)), sine.push_back(std::sin(a));
                device::checks::rotate(kind.precision,
                                       {biased ? bias.data() : nullptr, cosine.data(), sine.data(),
                                        position.data(), heads, kv, h, positions},
                                       rows, got.data());
                std::vector<double> want(x.begin(), x.end());
                for (long r = 0; r < rows; ++r) {
                    double* row = want.data() + r * width;
                    for (long c = 0; biased && c < width; ++c) row[c] += bias[std::size_t(c)];
                    for (long head = 0; head < heads + kv; ++head)
                        for (long c = 0; c < half; ++c) {
                            const double a = row[head * h + c], b = row[head * h + c + half];
                            const double by =
                                angle[std::size_t(position[std::size_t(r)] * half + c)];
                            row[head * h + c] = a * std::cos(by) - b * std::sin(by);
                            row[head * h + c + half] = b * std::cos(by) + a * std::sin(by);
                        }
                }
                CHECK(error_of(got, want) <= kind.tolerance);
            }
}

namespace {

struct AttentionCase {
    Heads heads;
    std::vector<Prompt> prompts;
    long width() const { return (heads.heads + 2 * heads.kv_heads) * heads.size; }
    long mixed() const { return heads.heads * heads.size; }
};

std::vector<double> plain_attention(const AttentionCase& t, const std::vector<float>& qkv) {
    const Heads& s = t.heads;
    const long h = s.size, width = t.width();
    std::vector<double> out;
    for (const Prompt& prompt : t.prompts)
        for (long i = 0; i < prompt.length; ++i)
            for (long head = 0; head < s.heads; ++head) {
                const long kv = head / (s.heads / s.kv_heads);
                const auto at = [&](long token, long column) {
                    return double(qkv[std::size_t((prompt.first + token) * width + column)]);
                };
                std::vector<double> mix(std::size_t(h), 0.0);
                double total = 0.0;
                for (long j = s.window > 0 ? std::max(0L, i - s.window + 1) : 0; j <= i; ++j) {
                    double score = 0.0;
                    for (long c = 0; c < h; ++c)
                        score += at(i, head * h + c) * at(j, (s.heads + kv) * h + c);
                    const double weight = std::exp(score / std::sqrt(double(h)));
                    total += weight;
                    for (long c = 0; c < h; ++c)
                        mix[std::size_t(c)] += weight * at(j, (s.heads + s.kv_heads + kv) * h + c);
                }
                for (const double value : mix) out.push_back(value / total);
            }
    return out;
}

}  // namespace

TEST_CASE("card: causal attention of packed prompts") {
    if (!test::card_for(72)) return;
    std::vector<Prompt> prompts;
    long tokens = 0;
    for (const long length : {1L, 2L, 31L, 32L, 33L, 50L, 129L}) {
        prompts.push_back({tokens, length});
        tokens += length;
    }
    for (const Kind kind : kKinds)
        for (const long h : {2L, 6L, 20L, 64L, 80L, 128L, 160L, 256L})
            for (const long window : {0L, 1L, 7L, 32L, 40L, 1000L}) {
                if (window > 1 && window != 40 && h != 20) continue;
                CAPTURE(h);
                CAPTURE(window);
                const AttentionCase t{{4, 2, h, window}, prompts};
                const auto qkv = exact(tokens * t.width(), 6);
                std::vector<float> got = poison(tokens * t.mixed());
                device::checks::attend(kind.precision, t.heads, t.prompts, qkv.data(), got.data());
                CHECK(error_of(got, plain_attention(t, qkv)) <= kind.tolerance);
            }
}

TEST_CASE("card: large scores stay finite, a NaN is passed on") {
    if (!test::card_for(2)) return;
    const AttentionCase t{{1, 1, 8}, {{0, 40}}};
    auto qkv = exact(40 * t.width(), 7, 30.0);
    std::vector<float> got = poison(40 * t.mixed());
    device::checks::attend(Precision::kFloat32, t.heads, t.prompts, qkv.data(), got.data());
    double sum = 0.0;
    for (const float value : got) sum += value;
    CHECK(std::isfinite(sum));
    qkv[0] = std::nanf("");  // the first query
    device::checks::attend(Precision::kFloat32, t.heads, t.prompts, qkv.data(), got.data());
    CHECK(std::isnan(got[0]));
    CHECK(std::isfinite(got[8]));
}

TEST_CASE("card: silu of the gate times up, with biases and without") {
    if (!test::card_for(20)) return;
    for (const Kind kind : kKinds)
        for (const long f : {1L, 8L, 31L, 44L, 2056L})
            for (const bool biased : {false, true}) {
                CAPTURE(f);
                CAPTURE(biased);
                const long rows = 5;
                const auto both = exact(rows * 2 * f, 8, 3.0), bias = exact(2 * f, 9);
                std::vector<float> got = poison(rows * f);
                device::checks::gate(kind.precision, both.data(), biased ? bias.data() : nullptr,
                                     rows, f, got.data());
                std::vector<double> want;
                for (long r = 0; r < rows; ++r)
                    for (long c = 0; c < f; ++c) {
                        const auto at = [&](long column) {
                            return both[std::size_t(r * 2 * f + column)] +
                                   (biased ? double(bias[std::size_t(column)]) : 0.0);
                        };
                        want.push_back(at(c) / (1.0 + std::exp(-at(c))) * at(f + c));
                    }
                CHECK(error_of(got, want) <= kind.tolerance);
            }
}

TEST_CASE("card: weights of every type are converted, a bad one is noticed wherever it is") {
    if (!test::card_for(36)) return;
    const std::vector<std::pair<std::string, Dtype>> types = {
        {"F32", Dtype::kF32}, {"F16", Dtype::kF16}, {"BF16", Dtype::kBF16}};
    for (const Kind kind : kKinds)
        for (const auto& [name, type] : types)
            for (const long count : {1L, 31L, 1000L, 70000L}) {
                CAPTURE(name);
                CAPTURE(count);
                const auto values = exact(count, 10);
                std::string bytes;
                for (const float value : values) bytes += test::encode(value, name);
                std::vector<float> got = poison(count);
                CHECK(
                    device::checks::convert(kind.precision, type, bytes.data(), count, got.data()));
                CHECK(got == values);
                const std::size_t size = name == "F32" ? 4 : 2;
                for (const long at : {0L, count / 2, count - 1}) {
                    std::string broken = bytes;  // all bits of the exponent and one more: NaN
                    broken[std::size_t(at + 1) * size - 1] = '\x7f';
                    broken[std::size_t(at + 1) * size - 2] = '\xff';
                    CHECK_FALSE(device::checks::convert(kind.precision, type, broken.data(), count,
                                                        got.data()));
                }
            }
}
