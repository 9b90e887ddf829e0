#include "experiments/commands/certificate_print.hpp"

#include <iomanip>
#include <ostream>

namespace prefdyn {

void print_certificates(std::ostream& out, const std::vector<certify::Certified>& all) {
    for (const certify::Certified& c : all) {
        out << std::left << std::setw(5) << c.certificate.claim;
        if (!c.control.empty()) out << "control \"" << c.control << "\": ";
        out << certify::sentence(c.certificate) << "\n";
    }
}

}  // namespace prefdyn
