#include <cerrno>
#include <cstring>
#include <fstream>
#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/results/publish.hpp"
#include "experiments/results/result_writer.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/dialogues.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn {

namespace {

struct DialoguesOptions {
    std::string in, out;
    bool skip_bad = false, force = false;
};

void declare(ParameterTable& t, DialoguesOptions& o) {
    t.text("in", &o.in,
           "dialogues: lines with the fields chosen and rejected, texts or lists of messages, or "
           "of a question with two answers; not compressed",
           true);
    t.positional();
    t.text("out", &o.out, "preference data made of them (.jsonl)", true);
    t.flag("skip-bad", &o.skip_bad,
           "leave out and count lines whose two dialogues are no answers to one prompt");
    t.flag("force", &o.force, "replace an existing file");
}

text::DialogueCount write(const DialoguesOptions& options, const std::string& partial) {
    text::DialogueOptions convert;
    convert.skip_bad = options.skip_bad;
    std::ifstream in(options.in, std::ios::binary);
    if (!in) throw InputError(options.in + ": cannot be read");
    errno = 0;
    std::ofstream out(partial, std::ios::binary);
    const text::DialogueCount count = text::convert_dialogues(in, options.in, out, convert);
    out.close();
    if (!out)
        throw WriteError(partial + ": cannot be written: " + std::strerror(errno),
                         "is the disk full?");
    return count;
}

/// Everything written is there.
void check(const std::string& partial, std::size_t want) {
    std::ifstream in(partial, std::ios::binary);
    text::JsonLines lines(in, partial);
    std::size_t got = 0;
    while (lines.next()) ++got;
    if (got != want)
        throw InputError(partial + ": has " + std::to_string(got) + " lines, " +
                         std::to_string(want) + " were written");
}

void print_skipped(std::ostream& out, const text::DialogueCount& count) {
    for (std::size_t fault = 0; fault < text::kDialogueFaults; ++fault) {
        const auto& skipped = count.skipped[fault];
        if (skipped.lines == 0) continue;
        out << "skipped " << skipped.lines << (skipped.lines == 1 ? " line: " : " lines: ")
            << text::fault_text(static_cast<text::DialogueFault>(fault)) << " (first: line "
            << skipped.first << ")\n";
    }
}

int run_dialogues(DialoguesOptions& options, const ParameterTable&, std::ostream& out) {
    text::require_regular_file(options.in);
    require_writable(options.out, options.force, {options.in});
    make_folder_of(options.out);
    text::DialogueCount count;
    publish_file(options.out, [&](const std::string& partial) {
        count = write(options, partial);
        check(partial, count.written);
    });
    print_skipped(out, count);
    if (count.messages > 0)
        out << count.messages << " rows of messages are written as turns of Human and Assistant; "
            << "`python3 -m prefdyn.data` writes them with a model's chat template\n";
    out << "wrote " << count.written << (count.written == 1 ? " pair to " : " pairs to ")
        << options.out << "\n";
    return 0;
}

}  // namespace

Command dialogues_command() {
    return make_command(
        "dialogues",
        "make prompt, chosen, rejected of dialogues: the published two-column form, or messages",
        run_dialogues);
}

}  // namespace prefdyn
