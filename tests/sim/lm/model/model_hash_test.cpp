#include "sim/lm/model/model_hash.hpp"

#include <doctest/doctest.h>

#include "sim/lm/text/text_file.hpp"
#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;

namespace {

std::string hash_of(const std::string& folder, const HashLimits& limits = {}) {
    return hash_model(Checkpoint(folder), limits).hash;
}

}  // namespace

TEST_CASE("the model's hash is of its bytes, not of its folder") {
    const test::TemporaryDirectory dir;
    const test::SmallModel model;
    test::write_checkpoint(dir / "a", model, test::random_weights(model, 1));
    test::write_checkpoint(dir / "b", model, test::random_weights(model, 1));
    CHECK(hash_of(dir / "a") == hash_of(dir / "b"));
    const std::string weights = text::read_file(dir / "b/model.safetensors", 1 << 24);
    for (const std::size_t from_end : {1u, 5000u}) {
        std::string changed = weights;
        changed[changed.size() - from_end] =
            static_cast<char>(changed[changed.size() - from_end] ^ 1);
        test::write_bytes(dir / "b/model.safetensors", changed);
        CHECK(hash_of(dir / "a") != hash_of(dir / "b"));
    }
    test::write_bytes(dir / "b/model.safetensors", weights);
    test::write_bytes(dir / "b/config.json", model.config() + " ");
    CHECK(hash_of(dir / "a") != hash_of(dir / "b"));
}

TEST_CASE("a large file is sampled: ends and header count, and the method says so") {
    const test::TemporaryDirectory dir;
    const test::SmallModel model;
    test::write_checkpoint(dir / "a", model, test::random_weights(model, 1));
    const HashLimits limits{100, 5, 64};
    const ModelHash before = hash_model(Checkpoint(dir / "a"), limits);
    REQUIRE(before.files.size() == 2);
    CHECK_FALSE(before.files[0].sampled);
    CHECK(before.files[1].sampled);
    CHECK(test::contains(before.method, "5 evenly spread blocks of 64 bytes"));
    CHECK(before.hash != hash_of(dir / "a"));
    const std::string weights = text::read_file(dir / "a/model.safetensors", 1 << 24);
    const auto changed = [&](std::size_t at) {
        std::string bytes = weights;
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        test::write_bytes(dir / "a/model.safetensors", bytes);
        return hash_of(dir / "a", limits) != before.hash;
    };
    const std::size_t start = weights.find("}}") + 2, room = weights.size() - start - 64;
    CHECK(changed(start));
    CHECK(changed(start + room / 2 + 32));  // the third block
    CHECK(changed(weights.size() - 1));
    CHECK_FALSE(changed(start + 64));  // just behind the first block
}
