#include "sim/base/hdf5_file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "sim/base/child.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;

namespace {

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// One of everything.
void write_sample(const std::string& path) {
    h5::Writer file(path);
    file.write("x", std::vector<double>{0.1, -1e308, 5e-324, kInfinity, -0.0, 3.0}, {2, 3});
    file.write("k", std::vector<std::int64_t>{-1, std::int64_t{1} << 52, 0}, {3});
    file.write("text", std::vector<std::string>{"", "a", "zwölf"}, {3});
    file.write("row", std::vector<double>{0.0, 1.0}, {2});
    file.make_scale("row");
    file.attach_scale("x", 0, "row");
    file.attribute("/", "title", std::string("run"));
    file.attribute("x", "unit", std::string());
    file.attribute("x", "beta", 0.1);
    file.attribute("x", "count", std::int64_t{7});
    file.close();
}

/// A dataset of doubles whose space is declared and never written.
void declare_only(const std::string& path, std::vector<hsize_t> shape) {
    const h5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                          H5Fclose);
    const h5::Handle space(H5Screate_simple(int(shape.size()), shape.data(), nullptr), H5Sclose);
    const h5::Handle set(H5Dcreate2(file.id(), "x", H5T_NATIVE_DOUBLE, space.id(), H5P_DEFAULT,
                                    H5P_DEFAULT, H5P_DEFAULT),
                         H5Dclose);
    REQUIRE(set.id() >= 0);
}

}  // namespace

TEST_CASE("numbers, strings and shapes come back as written") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    write_sample(path);
    const h5::Reader file(path);
    CHECK(file.path() == path);
    CHECK(file.shape("x") == h5::Shape{2, 3});
    CHECK(file.numbers("x") == std::vector<double>{0.1, -1e308, 5e-324, kInfinity, -0.0, 3.0});
    CHECK(std::signbit(file.numbers("x")[4]));
    CHECK(file.numbers("k") == std::vector<double>{-1.0, 4503599627370496.0, 0.0});
    CHECK(file.strings("text") == std::vector<std::string>{"", "a", "zwölf"});
    CHECK(file.has_dataset("x"));
    CHECK_FALSE(file.has_dataset("y"));
    CHECK(file.groups().empty());
}

TEST_CASE("attributes and dimension scales are in the file") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    write_sample(path);
    const h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    double beta = kNan;
    long long count = 0;
    char title[8] = {}, unit[8] = {'?'};
    CHECK(H5LTget_attribute_double(file.id(), "x", "beta", &beta) >= 0);
    CHECK(H5LTget_attribute_long_long(file.id(), "x", "count", &count) >= 0);
    CHECK(H5LTget_attribute_string(file.id(), "/", "title", title) >= 0);
    CHECK(H5LTget_attribute_string(file.id(), "x", "unit", unit) >= 0);
    CHECK(beta == 0.1);
    CHECK(count == 7);
    CHECK(std::string(title) == "run");
    CHECK(std::string(unit).empty());
    const h5::Handle x(H5Dopen2(file.id(), "x", H5P_DEFAULT), H5Dclose);
    const h5::Handle row(H5Dopen2(file.id(), "row", H5P_DEFAULT), H5Dclose);
    CHECK(H5DSis_attached(x.id(), row.id(), 0) > 0);
    CHECK(H5DSis_attached(x.id(), row.id(), 1) == 0);
}

TEST_CASE("texts are UTF-8 of any length, and those of fixed length are read as well") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5", old = dir / "old.h5";
    write_sample(path);
    {
        const h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
        const h5::Handle set(H5Dopen2(file.id(), "text", H5P_DEFAULT), H5Dclose);
        const h5::Handle type(H5Dget_type(set.id()), H5Tclose);
        CHECK(H5Tis_variable_str(type.id()) > 0);
        CHECK(H5Tget_cset(type.id()) == H5T_CSET_UTF8);
    }
    {
        const h5::Handle file(H5Fcreate(old.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                              H5Fclose);
        const h5::Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(type.id(), 3);
        H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
        const hsize_t two = 2;
        const h5::Handle space(H5Screate_simple(1, &two, nullptr), H5Sclose);
        const h5::Handle set(H5Dcreate2(file.id(), "text", type.id(), space.id(), H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT),
                             H5Dclose);
        REQUIRE(H5Dwrite(set.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, "abcd\0\0") >= 0);
        const h5::Handle one(H5Screate(H5S_SCALAR), H5Sclose);
        const h5::Handle note(
            H5Acreate2(file.id(), "note", type.id(), one.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        REQUIRE(H5Awrite(note.id(), type.id(), "xyz") >= 0);
    }
    CHECK(h5::Reader(old).strings("text") == std::vector<std::string>{"abc", "d"});
    CHECK(h5::Reader(old).text_attribute("note") == "xyz");
    CHECK(h5::Reader(path).text_attribute("title") == "run");
}

TEST_CASE("equal content gives equal bytes") {
    const test::TemporaryDirectory dir;
    write_sample(dir / "a.h5");
    write_sample(dir / "b.h5");
    CHECK(bytes_of(dir / "a.h5") == bytes_of(dir / "b.h5"));
}

TEST_CASE("what cannot be opened is named: absent, of another format, truncated anywhere") {
    const test::TemporaryDirectory dir;
    const std::string absent = dir / "absent.h5", text = dir / "text.h5", cut = dir / "cut.h5";
    CHECK(contains(input_error([&] { h5::Reader{absent}; }), absent + ": cannot be read"));
    std::ofstream(text) << "not HDF5 at all";
    CHECK(contains(input_error([&] { h5::Reader{text}; }), text + ": not a readable HDF5 file"));
    write_sample(cut);
    const std::string whole = bytes_of(cut);
    for (std::size_t tenth = 0; tenth < 10; ++tenth) {
        std::ofstream(cut, std::ios::binary) << whole.substr(0, whole.size() * tenth / 10);
        CHECK(contains(input_error([&] { h5::Reader(cut).numbers("x"); }), cut));
    }
}

TEST_CASE("missing datasets and wrong types are named with the file") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    write_sample(path);
    const h5::Reader file(path);
    for (const auto& message :
         {input_error([&] { file.numbers("y"); }), input_error([&] { file.shape("y"); }),
          input_error([&] { file.strings("y"); })}) {
        CHECK(contains(message, path));
        CHECK(contains(message, "'y'"));
    }
    CHECK(contains(input_error([&] { file.numbers("text"); }), "neither integers nor floats"));
    CHECK(contains(input_error([&] { file.strings("x"); }), "does not hold strings"));
}

TEST_CASE("a declared shape that is not stored is refused before anything is allocated") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    for (const auto& shape : std::vector<std::vector<hsize_t>>{{hsize_t{1} << 24},
                                                               {hsize_t{1} << 34},
                                                               {hsize_t{1} << 40, hsize_t{1} << 40},
                                                               {3, 0, 5}}) {
        declare_only(path, shape);
        const bool empty = shape.size() == 3;
        const std::string message = input_error([&] { h5::Reader(path).numbers("x"); });
        CHECK(contains(message, empty ? "" : "dataset 'x' claims "));
        CHECK(message.empty() == empty);
    }
}

TEST_CASE("a file that cannot be created is named") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "no/such/folder/x.h5";
    CHECK(
        contains(input_error([&] { h5::Writer{path}; }), path + ": cannot be opened for writing"));
}

TEST_CASE("writing a name twice is an error, not a silent loss") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    h5::Writer file(path);
    file.write("x", std::vector<double>{1.0}, {1});
    const auto twice = [&] { file.write("x", std::vector<double>{2.0}, {1}); };
    CHECK(contains(test::machine_error(twice), "'x'"));
}

TEST_CASE("a file in memory is the file on the disk") {
    const test::TemporaryDirectory dir;
    h5::Writer file;
    file.write("x", std::vector<double>{1.0, kNan}, {2});
    std::ofstream(dir / "x.h5", std::ios::binary) << file.image();
    CHECK(h5::Reader(dir / "x.h5").numbers("x")[0] == 1.0);
}

TEST_CASE("a file from outside reads the same, in a process of its own") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    write_sample(path);
    const h5::Reader here(path), outside(path, h5::From::kOutside);
    for (const char* name : {"x", "k", "row"}) {
        CHECK(outside.shape(name) == here.shape(name));
        CHECK(outside.numbers(name) == here.numbers(name));
    }
    CHECK(outside.strings("text") == here.strings("text"));
    CHECK(outside.text_attribute("title") == "run");
    CHECK(outside.groups() == here.groups());
    CHECK(outside.has_dataset("x"));
    CHECK_FALSE(outside.has_dataset("y"));
    const auto missing = [](const h5::Reader& file) {
        return input_error([&] { file.numbers("y"); });
    };
    CHECK(missing(outside) == missing(here));
    CHECK(contains(input_error([&] { h5::Reader(dir / "none", h5::From::kOutside); }), "none"));
}

TEST_CASE("an array beyond the limit is refused, and the limit can be raised") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    h5::Writer file(path);
    const std::vector<double> values(std::size_t{1} << 24);
    file.write("x", values, {values.size()});
    file.close();
    const std::int64_t before = read_limit_gib;
    read_limit_gib = 0;
    CHECK(contains(input_error([&] { h5::Reader(path).numbers("x"); }), "at most 0 GiB are read"));
    read_limit_gib = before;
    CHECK(h5::Reader(path).numbers("x").size() == values.size());
}

TEST_CASE("a dataset that lies in other files is refused") {
    const test::TemporaryDirectory dir;
    std::ofstream(dir / "raw", std::ios::binary) << std::string(32, 'x');
    const std::string external = dir / "external.h5", made = dir / "virtual.h5";
    const hsize_t length = 4;
    const h5::Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
    const h5::Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose),
        mapped(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_external(plist.id(), (dir / "raw").c_str(), 0, 32);
    H5Pset_virtual(mapped.id(), space.id(), external.c_str(), "x", space.id());
    const auto make = [&](const std::string& path, const h5::Handle& how) {
        const h5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                              H5Fclose);
        const h5::Handle set(H5Dcreate2(file.id(), "x", H5T_NATIVE_DOUBLE, space.id(), H5P_DEFAULT,
                                        how.id(), H5P_DEFAULT),
                             H5Dclose);
        REQUIRE(set.id() >= 0);
    };
    make(external, plist);
    make(made, mapped);
    for (const std::string& path : {external, made})
        CHECK(contains(input_error([&] { h5::Reader(path).numbers("x"); }), "lies in other files"));
}

TEST_CASE("a filter that is not installed is named, and so is a lock") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5";
    constexpr H5Z_filter_t kMine = 300;
    const H5Z_class2_t mine = {H5Z_CLASS_T_VERS,
                               kMine,
                               1,
                               1,
                               "mine",
                               nullptr,
                               nullptr,
                               [](unsigned, std::size_t, const unsigned*, std::size_t bytes,
                                  std::size_t*, void**) { return bytes; }};
    REQUIRE(H5Zregister(&mine) >= 0);
    {
        const hsize_t length = 4;
        const double values[4] = {1.0, 2.0, 3.0, 4.0};
        const h5::Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
        const h5::Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        H5Pset_chunk(plist.id(), 1, &length);
        H5Pset_filter(plist.id(), kMine, 0, 0, nullptr);
        const h5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                              H5Fclose);
        const h5::Handle set(H5Dcreate2(file.id(), "x", H5T_NATIVE_DOUBLE, space.id(), H5P_DEFAULT,
                                        plist.id(), H5P_DEFAULT),
                             H5Dclose);
        REQUIRE(H5Dwrite(set.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    }
    CHECK(h5::Reader(path).numbers("x")[3] == 4.0);
    H5Zunregister(kMine);
    CHECK(contains(input_error([&] { h5::Reader(path).numbers("x"); }),
                   "is compressed by the filter 'mine' (300), which is not installed here"));
    const int lock = ::open(path.c_str(), O_RDWR);
    REQUIRE(::flock(lock, LOCK_EX) == 0);
    const std::string said = input_error([&] { h5::Reader{path}; });
    ::close(lock);
    CHECK(contains(said, "is locked: another program has it open for writing"));
}

TEST_CASE("a git-lfs pointer is named") {
    const test::TemporaryDirectory dir;
    std::ofstream(dir / "x.h5") << "version https://git-lfs.github.com/spec/v1\noid sha256:0\n";
    CHECK(contains(input_error([&] { h5::Reader(dir / "x.h5"); }), "is a git-lfs pointer"));
}
