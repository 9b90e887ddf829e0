#include "experiments/results/row_store.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "sim/base/content_hash.hpp"
#include "sim/lm/text/text_file.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

std::string key(int i) { return content_hash(std::to_string(i)); }

std::string bytes_of(const std::string& path) { return text::read_file(path, 1 << 20); }

/// Three rows of 1, 2 and 3 values.
void fill(const std::string& path) {
    RowStore rows(path);
    for (int i = 0; i < 3; ++i)
        rows.add(key(i), std::vector<float>(std::size_t(i) + 1, 0.5f + float(i)));
}

}  // namespace

TEST_CASE("rows come back, and more can be added") {
    const test::TemporaryDirectory dir;
    fill(dir / "r");
    {
        RowStore rows(dir / "r");
        REQUIRE(rows.size() == 3);
        CHECK(*rows.find(key(2)) == std::vector<float>{2.5f, 2.5f, 2.5f});
        CHECK(rows.find(key(3)) == nullptr);
        rows.add(key(3), std::vector<float>{-1.0f});
    }
    RowStore rows(dir / "r");
    CHECK(rows.size() == 4);
    CHECK(*rows.find(key(3)) == std::vector<float>{-1.0f});
    rows.remove();
    CHECK_FALSE(std::filesystem::exists(dir / "r"));
}

TEST_CASE("a record cut short or damaged is dropped with what follows, and written again") {
    const test::TemporaryDirectory dir;
    fill(dir / "r");
    const std::string whole = bytes_of(dir / "r");
    const std::size_t last = 36 + 4 + 12 + 4;  // the third record
    for (std::size_t cut = 1; cut <= last; ++cut) {
        test::write_bytes(dir / "r", whole.substr(0, whole.size() - cut));
        RowStore rows(dir / "r");
        CHECK(rows.size() == 2);
        rows.add(key(2), std::vector<float>{2.5f, 2.5f, 2.5f});
        CHECK(bytes_of(dir / "r") == whole);
    }
    for (std::size_t at = whole.size() - last; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        test::write_bytes(dir / "r", damaged);
        CHECK(RowStore(dir / "r").size() == 2);
    }
}

TEST_CASE("other files and files in use are refused") {
    const test::TemporaryDirectory dir;
    test::write_bytes(dir / "r", "something else");
    CHECK(test::contains(test::input_error([&] { RowStore rows(dir / "r"); }),
                         "exists and holds no embedded rows"));
    CHECK(bytes_of(dir / "r") == "something else");
    const RowStore first(dir / "s");
    CHECK(test::contains(test::input_error([&] { RowStore rows(dir / "s"); }), "in use"));
    CHECK(test::contains(test::input_error([&] { RowStore rows(dir / "no/s"); }), "no/s"));
}
