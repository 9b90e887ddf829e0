#include "sim/base/npy.hpp"

#include <doctest/doctest.h>

#include "tests/support/npy_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::npy;
using test::npy_header;
using test::npy_start;

namespace {

/// What read_npy says about a file with these bytes; every message must name the file.
std::string refusal(const std::string& bytes) {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "hostile.npy";
    test::write_bytes(path, bytes);
    const std::string message = test::input_error([&] { read_npy(path); });
    CHECK(contains(message, path));
    return message;
}

template <class T>
void check_type(const std::string& type, const std::vector<T>& values) {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.npy";
    test::write_bytes(path, npy(type, "3,", values));
    const NpyArray got = read_npy(path);
    CAPTURE(type);
    CHECK(got.shape == std::vector<std::size_t>{3});
    REQUIRE(got.values.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(got.values[i] == static_cast<double>(values[i]));
}

}  // namespace

TEST_CASE("every supported type comes through exactly") {
    check_type<double>("<f8", {0.1, -1e308, 5e-324});
    check_type<float>("<f4", {0.1f, -3e38f, 1e-45f});
    check_type<std::int8_t>("|i1", {1, -1, -128});
    check_type<std::int8_t>("<i1", {1, -1, 127});
    check_type<std::int32_t>("<i4", {1, -1, -2147483647 - 1});
    check_type<std::int64_t>("<i8", {1, -1, std::int64_t{1} << 52});
    check_type<std::uint8_t>("|u1", {0, 1, 255});
}

TEST_CASE("what is written is read back, whatever the rank") {
    const test::TemporaryDirectory dir;
    for (const NpyArray& array :
         {NpyArray{{2, 3}, {1.0, -0.0, 1e-310, 4.0, 5.5, -6.0}}, NpyArray{{2}, {0.1, 0.2}},
          NpyArray{{}, {7.0}}, NpyArray{{0, 4}, {}}}) {
        write_npy(dir / "x.npy", array);
        const NpyArray got = read_npy(dir / "x.npy");
        CHECK(got.shape == array.shape);
        CHECK(got.values == array.values);
    }
}

TEST_CASE("format versions 1 to 3 and every rank, row-major") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.npy";
    const std::vector<double> values = {1, 2, 3, 4, 5, 6};
    for (const int version : {1, 2, 3})
        for (const std::string shape : {"6,", "2, 3", "1, 3, 2"}) {
            test::write_bytes(path,
                              npy_start(npy_header("<f8", shape), version) + test::raw(values));
            CHECK(read_npy(path).values == values);
        }
    test::write_bytes(path, npy<double>("<f8", "2, 3", values));
    CHECK(read_npy(path).shape == std::vector<std::size_t>{2, 3});
    test::write_bytes(path, npy<double>("<f8", "", {7.0}));
    CHECK(read_npy(path).shape.empty());
    CHECK(read_npy(path).values == std::vector<double>{7.0});
    test::write_bytes(path, npy<double>("<f8", "0, 3", {}));
    CHECK(read_npy(path).values.empty());
}

TEST_CASE("every truncation of a good file is refused") {
    const std::string good = npy<double>("<f8", "2, 3", {1, 2, 3, 4, 5, 6});
    for (std::size_t length = 0; length < good.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(refusal(good.substr(0, length)).empty());
    }
}

TEST_CASE("wrong data length: both sizes are named") {
    const std::string good = npy<double>("<f8", "2, 3", {1, 2, 3, 4, 5, 6});
    CHECK(contains(refusal(good + "x"), "needs 48 bytes of data, the file has 49"));
    CHECK(contains(refusal(good.substr(0, good.size() - 8)), "needs 48 bytes"));
}

TEST_CASE("wrong magic, version and header length") {
    CHECK(contains(refusal("\x89HDF\r\n\x1a\n and more"), "bad magic"));
    CHECK(contains(refusal(npy_start(npy_header("<f8", "1,"), 4) + "12345678"), "version 4"));
    std::string beyond = npy<double>("<f8", "1,", {1.0});
    beyond[8] = beyond[9] = '\xff';
    CHECK(contains(refusal(beyond), "claims 65535 bytes"));
    std::string huge = npy_start(npy_header("<f8", "1,"), 2);
    huge.replace(8, 4, "\xff\xff\xff\xff");
    CHECK(contains(refusal(huge), "claims 4294967295 bytes"));
}

TEST_CASE("Fortran order, foreign types and broken headers") {
    const std::string data(8, '\0');
    CHECK(contains(refusal(npy_start(npy_header("<f8", "1,", "True")) + data), "Fortran order"));
    for (const std::string type : {">f8", "|O", "<c16", "<U4", "|b1", ""}) {
        CAPTURE(type);
        CHECK(contains(refusal(npy_start(npy_header(type, "1,")) + data), "'" + type + "'"));
    }
    CHECK(contains(refusal(npy_start("{}") + data), "no valid 'fortran_order'"));
    CHECK(contains(refusal(npy_start("{'fortran_order': False}") + data), "no valid 'descr'"));
    CHECK(contains(refusal(npy_start("{'fortran_order': False, 'descr': '<f8'}") + data),
                   "no valid 'shape'"));
    for (const std::string shape : {"-1,", "x", "2, , 3", "1.5,", "2 3"}) {
        CAPTURE(shape);
        CHECK(contains(refusal(npy_start(npy_header("<f8", shape)) + data), "no valid 'shape'"));
    }
    const std::string endless(60000, 'f');
    CHECK(contains(refusal(npy_start(npy_header(endless, "1,")) + data), "'fff"));
}

TEST_CASE("huge shapes are refused before anything is allocated") {
    const std::string data(8, '\0');
    for (const std::string shape :
         {"999999999999,", "999999999999, 999999999999", "4294967296, 4294967296",
          "18446744073709551616,", "2, 9223372036854775808", "99999999999999999999999999,"}) {
        CAPTURE(shape);
        CHECK(contains(refusal(npy_start(npy_header("<f8", shape)) + data), "shape needs"));
    }
}

TEST_CASE("a missing file and a directory are named") {
    const test::TemporaryDirectory dir;
    const std::string absent = dir / "absent.npy", place = dir / "";
    CHECK(contains(test::input_error([&] { read_npy(absent); }), absent));
    CHECK(contains(test::input_error([&] { read_npy(place); }), place));
}
