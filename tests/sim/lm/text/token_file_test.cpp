#include "sim/lm/text/token_file.hpp"

#include <doctest/doctest.h>

#include "sim/base/hdf5_file.hpp"
#include "tests/support/text_support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;

namespace {

struct Content {
    std::vector<double> vocabulary = {10}, response = {3, 4}, ids = {1, 2, 9}, offsets = {0, 2, 3},
                        label = {1, -1};
    bool has_ids = true;
};

std::string write(const test::TemporaryDirectory& dir, const Content& content) {
    const std::string path = dir / "some.h5";
    h5::Writer file(path);
    const auto put = [&](const char* name, const std::vector<double>& values) {
        file.write(name, values, {values.size()});
    };
    put("vocabulary", content.vocabulary);
    put("response", content.response);
    if (content.has_ids) put("ids", content.ids);
    put("offsets", content.offsets);
    put("label", content.label);
    file.close();
    return path;
}

std::string refusal(const Content& content) {
    const test::TemporaryDirectory dir;
    const std::string path = write(dir, content);
    const std::string message = input_error([&] { text::read_token_file(path); });
    CHECK(contains(message, path));
    return message;
}

}  // namespace

TEST_CASE("prompts at the root are named after the file") {
    const test::TemporaryDirectory dir;
    const auto got = text::read_token_file(write(dir, {}));
    CHECK(got.vocabulary == 10);
    CHECK(got.response == std::array<text::Token, 2>{3, 4});
    REQUIRE(got.behaviours.size() == 1);
    CHECK(got.behaviours[0].name == "some");
    CHECK(got.behaviours[0].prompts == std::vector<test::Tokens>{{1, 2}, {9}});
    CHECK(got.behaviours[0].label == std::vector<std::int8_t>{1, -1});
}

TEST_CASE("what is wrong in a token file is named with its place and value") {
    const auto says = [](auto change, const std::string& what) {
        Content content;
        change(content);
        CAPTURE(what);
        CHECK(contains(refusal(content), what));
    };
    says([](Content& c) { c.ids[2] = 10; }, "ids[2] = 10, expected an integer from 0 to 9");
    says([](Content& c) { c.ids[0] = -1; }, "ids[0] = -1");
    says([](Content& c) { c.ids[0] = 0.5; }, "ids[0] = 0.5");
    says([](Content& c) { c.ids[0] = kNan; }, "ids[0] = ");
    says([](Content& c) { c.response = {3, 10}; }, "response[1] = 10");
    says([](Content& c) { c.response = {3, 3}; }, "both answers are token 3");
    says([](Content& c) { c.response = {3}; }, "response: has 1 entries, expected 2");
    says([](Content& c) { c.vocabulary = {1e12}; }, "vocabulary[0] = 1000000000000");
    says([](Content& c) { c.vocabulary = {10, 10}; }, "vocabulary: has 2 entries");
    says([](Content& c) { c.offsets = {0, 2, 2, 3}; }, "prompt 1 is empty");
    says([](Content& c) { c.offsets = {1, 2, 3}; }, "expected 0 first");
    says([](Content& c) { c.offsets = {0, 2, 4}; }, "ends with 4, but ids has 3");
    says([](Content& c) { c.offsets = {0, 3, 2}; }, "offsets[2] = 2");
    says([](Content& c) { c.label = {1, 0}; }, "label[1] = 0");
    says([](Content& c) { c.label = {1}; }, "label: has 1 entries, expected 2");
    says([](Content& c) { c.has_ids = false; }, "no dataset 'ids'");
}
