#include "experiments/results/result_writer.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace fs = std::filesystem;

namespace {

ResultWriter small_result() {
    ResultWriter writer({{"run", {"run"}, FieldType::kInteger, "", "number"},
                         {"name", {"run"}, FieldType::kText, "", "name"},
                         {"loss", {"run", "run"}, FieldType::kReal, "nats", "loss"}});
    writer.put("run", std::vector<std::int64_t>{0, 1});
    writer.put("name", std::vector<std::string>{"a", "grün"});
    writer.put("loss", std::vector<double>{1.0, 2.0, 3.0, kNan});
    writer.attribute("title", std::string("test"));
    return writer;
}

std::ptrdiff_t files_in(const std::string& folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

std::string bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("no room for the file: exit code 3, the system's reason, nothing left behind") {
    const TemporaryDirectory folder;
    const std::string path = folder / "r.h5", errors = folder / "errors";
    for (const std::string blocks : {"1", "40"}) {  // fails at closing, at a dataset
        const std::string command = "trap '' XFSZ; ulimit -f " + blocks + "; exec " +
                                    PREFDYN_EXECUTABLE " simulate --out " + path + " >" + errors +
                                    " 2>&1";
        const int status = std::system(command.c_str());
        REQUIRE(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 3);
        CHECK(contains(bytes(errors), "cannot be written: File too large\nhint: "));
        CHECK(files_in(folder / "") == 1);  // the errors
    }
}

TEST_CASE("what is published reads back, and nothing else is left behind") {
    const TemporaryDirectory folder;
    const std::string path = folder / "r.h5";
    small_result().publish(path);
    const h5::Reader file(path);
    CHECK(file.shape("loss") == h5::Shape{2, 2});
    CHECK(file.numbers("loss")[2] == 3.0);
    CHECK(std::isnan(file.numbers("loss")[3]));
    CHECK(file.strings("name") == std::vector<std::string>{"a", "grün"});
    CHECK(files_in(folder / "") == 1);
}

TEST_CASE("equal content gives equal bytes") {
    const TemporaryDirectory folder;
    small_result().publish(folder / "a.h5");
    small_result().publish(folder / "b.h5");
    CHECK(bytes(folder / "a.h5") == bytes(folder / "b.h5"));
}

TEST_CASE("undeclared fields, wrong types and wrong sizes are our own bugs") {
    ResultWriter writer({{"run", {"run"}, FieldType::kInteger, "", "number"},
                         {"loss", {"run"}, FieldType::kReal, "", "loss"}});
    CHECK_THROWS_AS(writer.put("colour", std::vector<double>{}), std::logic_error);
    writer.put("run", std::vector<std::int64_t>{0, 1});
    CHECK_THROWS_AS(writer.put("loss", std::vector<std::int64_t>{0, 1}), std::logic_error);
    CHECK_THROWS_AS(writer.put("loss", std::vector<double>{1.0}), std::logic_error);
}

TEST_CASE("a place that cannot be written is an error and leaves no partial file") {
    const TemporaryDirectory folder;
    const std::string path = folder / "no/such/folder/r.h5";
    CHECK(contains(input_error([&] { small_result().publish(path); }), "r.h5"));
    CHECK(files_in(folder / "") == 0);
    std::ofstream(folder / "file") << "x";
    CHECK(!input_error([&] { require_writable(folder / "file/r.h5", false); }).empty());
    CHECK(
        contains(input_error([&] { require_writable(folder / "file", false); }), "exists already"));
    CHECK(input_error([&] { require_writable(folder / "file", true); }).empty());
}

}  // namespace prefdyn::test
