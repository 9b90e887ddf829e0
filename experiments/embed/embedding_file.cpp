#include "experiments/embed/embedding_file.hpp"

#include <algorithm>
#include <filesystem>

#include "experiments/results/columns.hpp"
#include "experiments/results/publish.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"

namespace prefdyn {

namespace {

using transformer::RowsF;

h5::Shape shape_of(const RowsF& x) {
    return {static_cast<hsize_t>(x.rows()), static_cast<hsize_t>(x.cols())};
}

void write_pair(h5::Writer& file, const std::string& group, const text::ResponsePair& pair) {
    for (const auto k : {0u, 1u}) {
        const std::string which = k == 0 ? "first_" : "second_";
        file.attribute(group, which + "token", std::int64_t{pair.token[k]});
        file.attribute(group, which + "piece", pair.piece[k]);
        file.attribute(group, which + "text", pair.text[k]);
    }
    file.attribute(group, "shared_tokens", shared_tokens(pair));
}

void write_source(h5::Writer& file, const EmbedBehaviour& b) {
    file.attribute(b.name, "source", std::filesystem::path(b.source).filename().string());
    file.attribute(b.name, "data_hash", b.data_hash);
    file.attribute(b.name, "tokens_hash", b.tokens_hash);
    file.attribute(b.name, "filtered_lines", b.filtered);
    file.attribute(b.name, "truncated_prompts", b.truncated);
}

/// A named axis, numbered from 0.
void write_axis(h5::Writer& file, const std::string& name, std::size_t length,
                const std::string& description) {
    file.write(name, count_to(length), {length});
    file.attribute(name, "description", description);
    file.make_scale(name);
}

/// `name`, or one like it that no behaviour has.
std::string free_name(std::string name, const EmbedInput& input) {
    while (std::ranges::find(input.behaviours, name, &EmbedBehaviour::name) !=
           input.behaviours.end())
        name += "_";
    return name;
}

/// Axes lie at the root, where those of several groups may: in a group every dataset has them.
void name_axes(h5::Writer& file, const EmbedInput& input, std::size_t dimension) {
    const std::string coordinate = free_name("dimension", input),
                      answer = free_name("answer", input);
    write_axis(file, coordinate, dimension, "number of the coordinate");
    write_axis(file, answer, 2, "0: the first answer, 1: the second");
    for (const EmbedBehaviour& b : input.behaviours) {
        const std::string prompt = free_name("prompt_" + b.name, input);
        write_axis(file, prompt, b.prompts.size(), "number of the prompt of " + b.name);
        for (const char* name : {"/label", "/line", "/features"})
            file.attach_scale(b.name + name, 0, prompt);
        file.attach_scale(b.name + "/features", 1, coordinate);
        file.attach_scale(b.name + "/head", 0, answer);
        file.attach_scale(b.name + "/head", 1, coordinate);
    }
}

void write_rows(h5::Writer& file, const EmbedBehaviour& b) {
    const auto n = static_cast<hsize_t>(b.prompts.size());
    file.write(b.name + "/label", std::vector<std::int64_t>(b.label.begin(), b.label.end()), {n});
    file.attribute(b.name + "/label", "description",
                   std::string("+1 where the first answer is chosen, else -1"));
    file.write(b.name + "/line", b.line, {n});
    file.attribute(
        b.name + "/line", "description",
        std::string("line of the data file, from 1; of a token file the prompt, from 0"));
}

void write_floats(h5::Writer& file, const std::string& name, const RowsF& rows,
                  const std::string& description) {
    file.write(name, rows.data(), shape_of(rows));
    file.attribute(name, "description", description);
}

/// Everything written is there, in its shape.
void check(const std::string& path, const EmbedInput& input, Index dimension) {
    const h5::Reader file(path);
    for (const auto& b : input.behaviours)
        if (file.shape(b.name + "/features") !=
            h5::Shape{b.prompts.size(), static_cast<hsize_t>(dimension)})
            throw InputError(path + ": features of '" + b.name + "' did not survive writing");
}

}  // namespace

std::string shared_tokens(const text::ResponsePair& pair) {
    std::string out;
    for (const text::Token id : pair.shared)
        out.append(out.empty() ? "" : " ").append(std::to_string(id));
    return out;
}

void write_embeddings(const std::string& path, const transformer::Transformer& model,
                      const EmbedInput& input, const EmbedPlan& plan, const RowStore& rows,
                      const FileAttributes& attributes) {
    const Index d = model.config().hidden;
    make_folder_of(path);
    publish_file(path, [&](const std::string& partial) {
        h5::Writer file(partial);
        for (const auto& b : input.behaviours) {
            write_rows(file, b);
            write_floats(file, b.name + "/features", features_of(b, plan, rows, d),
                         "embedding of the prompt's last token, a row a prompt");
            write_floats(file, b.name + "/head", model.head_rows(b.pair.token),
                         "rows of the model's own head: first answer's token, second answer's");
            write_pair(file, b.name, b.pair);
            write_source(file, b);
        }
        name_axes(file, input, static_cast<std::size_t>(d));
        for (const auto& [key, value] : attributes) file.attribute("/", key, value);
        file.close();
        check(partial, input, d);
    });
}

}  // namespace prefdyn
