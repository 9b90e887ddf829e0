#pragma once
#include <iosfwd>
#include <string>
#include <vector>

namespace prefdyn {

/// Runs one command line (without the program name). Returns the exit code: 0 all as expected, 1 a
/// claim violated or a control not caught, 2 bad input, 3 the machine failed, 130 interrupted.
/// Failures go to `err`.
int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

/// One command each; they throw InputError and Interrupted.
int simulate_command(const std::vector<std::string>& arguments, std::ostream& out);
int verify_command(const std::vector<std::string>& arguments, std::ostream& out);
int falsify_command(const std::vector<std::string>& arguments, std::ostream& out);
int dialogues_command(const std::vector<std::string>& arguments, std::ostream& out);
int tokenize_command(const std::vector<std::string>& arguments, std::ostream& out);
int embed_command(const std::vector<std::string>& arguments, std::ostream& out);
int scaled_command(const std::vector<std::string>& arguments, std::ostream& out);
int finetune_command(const std::vector<std::string>& arguments, std::ostream& out);
int misalign_command(const std::vector<std::string>& arguments, std::ostream& out);
int sweep_command(const std::vector<std::string>& arguments, std::ostream& out);
int merge_command(const std::vector<std::string>& arguments, std::ostream& out);
int status_command(const std::vector<std::string>& arguments, std::ostream& out);
int slurm_command(const std::vector<std::string>& arguments, std::ostream& out);
int inspect_command(const std::vector<std::string>& arguments, std::ostream& out);

/// Markdown of the options of every command, docs/options.md.
std::string options_page();

}  // namespace prefdyn
