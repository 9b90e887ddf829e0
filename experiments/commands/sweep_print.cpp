#include "experiments/commands/sweep_print.hpp"

#include <algorithm>
#include <ostream>

namespace prefdyn {

void print_shape(std::ostream& out, const sweep::Spec& spec) {
    out << "sweep " << spec.id() << ": " << spec.size() << " points";
    const auto shape = spec.shape();
    out << " (";
    for (std::size_t k = 0; k < shape.size(); ++k) {
        if (k > 0) out << " x ";
        out << shape[k];
        if (k + 1 == shape.size())
            out << (shape[k] == 1 ? " replicate" : " replicates");
        else if (spec.design != sweep::Design::kGrid)
            out << " design points";
        else
            out << " " << spec.axes[k].keys.front();
    }
    out << ")\n";
}

void print_eta(std::ostream& out, const sweep::EtaRange& eta) {
    if (eta.varies()) out << "note: " << eta.words() << "\n";
}

void print_outcomes(std::ostream& out, const std::vector<sweep::ClaimOutcomes>& claims) {
    for (const sweep::ClaimOutcomes& c : claims) {
        std::string line;
        for (const theory::Status status : theory::kBySeverity)
            if (const std::size_t n = c.points[static_cast<std::size_t>(status)]; n > 0)
                line += (line.empty() ? "" : ", ") + std::to_string(n) + " " +
                        theory::status_name(status);
        if (!line.empty()) out << c.claim << ": " << line << "\n";
    }
}

void print_reasons(std::ostream& out, const std::string& what,
                   const std::map<std::string, std::size_t>& reasons) {
    for (const auto& [reason, count] : reasons)
        out << what << ": " << count << (count == 1 ? " point: " : " points: ") << reason << "\n";
}

void print_origins(std::ostream& out, const sweep::Origins& origins) {
    if (!origins.mixed()) return;
    out << "segments of several versions or kinds of machine, whose last bits may differ:\n";
    for (const std::string& line : origins.lines()) out << "  " << line << "\n";
}

void print_damaged(std::ostream& out, const std::vector<std::string>& damaged) {
    for (const std::string& what : damaged) out << "damaged, left out: " << what << "\n";
}

void print_state(std::ostream& out, const sweep::FolderState& s) {
    out << s.finished << " of " << s.points << " points finished, " << s.failed << " failed, "
        << s.points - s.finished - s.failed << " missing; " << s.segments << " segments\n";
    print_reasons(out, "failed", s.reasons);
    print_reasons(out, "the machine failed, the same sweep computes again", s.machine);
    constexpr std::size_t kShown = 10;
    for (std::size_t k = 0; k < std::min(s.missing.size(), kShown); ++k)
        out << "missing: points " << s.missing[k].first << " to " << s.missing[k].second << "\n";
    if (s.missing.size() > kShown)
        out << "missing: " << s.missing.size() - kShown << " more ranges\n";
    if (s.unfinished > 0)
        out << "segments a worker died writing, or writes now: " << s.unfinished << "\n";
    for (const std::string& path : s.foreign) out << "not a segment, ignored: " << path << "\n";
    print_damaged(out, s.damaged);
    print_origins(out, s.origins);
    constexpr std::size_t kDoubled = 5;
    for (std::size_t k = 0; k < std::min(s.doubled.size(), kDoubled); ++k)
        out << "warning: " << s.doubled[k] << "\n";
    if (s.doubled.size() > kDoubled)
        out << "warning: " << s.doubled.size() - kDoubled << " more points like this\n";
    print_outcomes(out, s.claims);
    print_eta(out, s.eta);
}

}  // namespace prefdyn
