// embed_ids FOLDER NORM [COUNT] < IDS: one prompt of token ids a line; writes n x d float32 to
// standard output, with NORM = logits the logits of the next token, n x V. With COUNT instead the
// greedy continuation of each, as text.
#include <iostream>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/lm/model/transformer.hpp"

using namespace prefdyn::transformer;

namespace {

std::vector<TokenIds> read_prompts(std::istream& in) {
    std::vector<TokenIds> prompts;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        prompts.emplace_back();
        for (int id; words >> id;) prompts.back().push_back(id);
    }
    return prompts;
}

int work(const std::vector<std::string>& arguments) {
    const Transformer model(arguments.at(0));
    const std::vector<TokenIds> prompts = read_prompts(std::cin);
    if (arguments.size() > 2) {
        for (const TokenIds& prompt : prompts) {
            for (const auto id : model.greedy(prompt, std::stol(arguments[2])))
                std::cout << id << ' ';
            std::cout << '\n';
        }
        return 0;
    }
    EmbedOptions options;
    const bool logits = arguments.at(1) == "logits";
    if (!logits) options.norm = static_cast<FinalNorm>(std::stoi(arguments.at(1)));
    RowsF x = model.embed(prompts, options);
    if (logits) x = model.logits(x);
    std::cout.write(reinterpret_cast<const char*>(x.data()),
                    static_cast<std::streamsize>(sizeof(float)) * x.size());
    return std::cout.good() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return work({argv + 1, argv + argc});
    } catch (const prefdyn::InputError& error) {
        std::cerr << error.what() << "\n" << error.hint() << "\n";
        return 2;
    }
}
