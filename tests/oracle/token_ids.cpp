// token_ids MODEL: one JSON string a line on standard input, its ids (or "refused: why") a line on
// standard output. Driven by tokenizers_oracle.py.
#include <iostream>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/tokenizer.hpp"

int main(int argc, char** argv) {
    using namespace prefdyn;
    if (argc != 2) return std::cerr << "usage: token_ids MODEL\n", 2;
    try {
        const auto tokenizer = text::load_tokenizer(argv[1]);
        for (std::string line; std::getline(std::cin, line);) try {
                const auto text = text::parse_json(line, "input").get<std::string>();
                const auto ids = tokenizer->encode(text);
                std::cout << (tokenizer->decode(ids) == text ? "same" : "other");
                for (const text::Token id : ids) std::cout << ' ' << id;
                std::cout << '\n';
            } catch (const InputError& error) {
                std::cout << "refused: " << error.what() << '\n';
            }
    } catch (const InputError& error) {
        return std::cerr << error.what() << "\nhint: " << error.hint() << "\n", 2;
    }
}
