#include "sim/data/feature_file.hpp"

#include <doctest/doctest.h>

#include "sim/base/hdf5_file.hpp"
#include "tests/support/npy_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;
using test::npy;

namespace {

struct Content {
    std::vector<double> features = {1, 2, 3, 4, 5, 6};
    h5::Shape shape = {3, 2};
    std::vector<double> label = {1, -1, 1};
    h5::Shape label_shape = {3};
    bool has_label = true;
};

void write_hdf5(const std::string& path, const Content& content) {
    h5::Writer file(path);
    file.write("features", content.features, content.shape);
    if (content.has_label) file.write("label", content.label, content.label_shape);
    file.close();
}

/// What read_features says about a file with this content; every message must name the file.
std::string refusal(const Content& content) {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "hostile.h5";
    write_hdf5(path, content);
    const std::string message = input_error([&] { read_features(path); });
    CHECK(contains(message, path));
    return message;
}

/// Groups b and a with a dataset each, in that order.
void write_groups(const std::string& path) {
    const h5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                          H5Fclose);
    const double g[] = {1, 2, 3, 4}, s[] = {1, -1};
    const hsize_t shape[] = {2, 2};
    const h5::Handle matrix(H5Screate_simple(2, shape, nullptr), H5Sclose);
    const h5::Handle vector(H5Screate_simple(1, shape, nullptr), H5Sclose);
    const auto put = [&](const std::string& name, const h5::Handle& space, const double* data) {
        const h5::Handle set(H5Dcreate2(file.id(), name.c_str(), H5T_NATIVE_DOUBLE, space.id(),
                                        H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                             H5Dclose);
        H5Dwrite(set.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    };
    for (const std::string name : {"b", "a", "notes"}) {
        const h5::Handle group(
            H5Gcreate2(file.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
        put(name + (name == "notes" ? "/other" : "/features"), matrix, g);
        if (name != "notes") put(name + "/label", vector, s);
    }
}

}  // namespace

TEST_CASE("a root dataset is named after its file") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "openness.h5";
    write_hdf5(path, {});
    const auto got = read_features(path);
    REQUIRE(got.size() == 1);
    CHECK(got[0].name == "openness");
    CHECK(got[0].features(2, 1) == 6.0);
    CHECK(got[0].features(0, 1) == 2.0);
    CHECK(got[0].label == std::vector<std::int8_t>{1, -1, 1});
}

TEST_CASE("groups become datasets sorted by name, others are passed over") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.hdf5";
    write_groups(path);
    const auto got = read_features(path);
    REQUIRE(got.size() == 2);
    CHECK(got[0].name == "a");
    CHECK(got[1].name == "b");
    CHECK(got[1].features(1, 0) == 3.0);
}

TEST_CASE("a pair of .npy files") {
    const test::TemporaryDirectory dir;
    const std::string g = dir / "g.npy", s = dir / "s.npy";
    test::write_bytes(g, npy<float>("<f4", "3, 2", {1, 2, 3, 4, 5, 6}));
    test::write_bytes(s, npy<std::int8_t>("|i1", "3,", {1, -1, 1}));
    const auto got = read_features(g, s);
    REQUIRE(got.size() == 1);
    CHECK(got[0].name == "g");
    CHECK(got[0].features(1, 1) == 4.0);
    CHECK(got[0].count(-1) == 1);
    CHECK(contains(input_error([&] { read_features(g); }), g + ": labels are missing"));
    test::write_bytes(s, npy<double>("<f8", "3,", {1.0, 0.5, -1.0}));
    const std::string message = input_error([&] { read_features(g, s); });
    CHECK(contains(message, s));
    CHECK(contains(message, "label[1] = 0.5"));
    CHECK(contains(input_error([&] { read_features(g, dir / ""); }), dir / ""));
}

TEST_CASE("labels other than +1 and -1 are named with index and value") {
    for (const double bad : {0.0, 2.0, 0.5, 257.0, -129.0, 1e300, kNan}) {
        Content content;
        content.label[1] = bad;
        CHECK(contains(refusal(content), "label[1] = " + std::to_string(bad)));
    }
}

TEST_CASE("features that are not finite are named with index and value") {
    for (const double bad : {kNan, kInfinity, -kInfinity}) {
        Content content;
        content.features[3] = bad;
        CHECK(contains(refusal(content), "features[1, 1] = " + std::to_string(bad)));
    }
}

TEST_CASE("wrong ranks, lengths and missing parts") {
    Content content;
    content.shape = {6};
    CHECK(contains(refusal(content), "features has shape (6)"));
    content.shape = {3, 2, 1};
    CHECK(contains(refusal(content), "features has shape (3 x 2 x 1)"));
    content = {};
    content.label_shape = {3, 1};
    CHECK(contains(refusal(content), "label has shape (3 x 1)"));
    content = {};
    content.label = {1, -1};
    content.label_shape = {2};
    CHECK(contains(refusal(content), "2 labels for 3 rows"));
    content = {};
    content.has_label = false;
    CHECK(contains(refusal(content), "dataset 'label'"));
    content = {};
    content.label = {1, 1, 1};
    CHECK(contains(refusal(content), "no sample has label -1"));
    content = {{}, {0, 2}, {}, {0}, true};
    CHECK(contains(refusal(content), "features are 0 x 2"));
}

TEST_CASE("files without features, of another format or absent") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "x.h5", absent = dir / "absent.h5";
    h5::Writer(path).write("other", std::vector<double>{1.0}, {1});
    CHECK(contains(input_error([&] { read_features(path); }), path + ": no dataset 'features'"));
    test::write_bytes(path, "plain text");
    CHECK(contains(input_error([&] { read_features(path); }), path));
    CHECK(contains(input_error([&] { read_features(absent); }), absent + ": no such file"));
    CHECK(contains(input_error([&] { read_features(dir / ""); }), "is a folder"));
}

TEST_CASE("the real embeddings: 24 personas of 1000 x 64, half Yes and half No") {
    const auto path = test::data_dir() / "embeddings" / "stories260K_persona.h5";
    if (!test::available(path)) return;
    const auto got = read_features(path.string());
    CHECK(got.size() == 24);
    for (const Dataset& data : got) {
        CAPTURE(data.name);
        CHECK(data.samples() == 1000);
        CHECK(data.dimension() == 64);
        CHECK(data.count(+1) == 500);
    }
    for (std::size_t k = 1; k < got.size(); ++k) CHECK(got[k - 1].name < got[k].name);
}
