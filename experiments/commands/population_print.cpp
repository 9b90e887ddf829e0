#include "experiments/commands/population_print.hpp"

#include <ostream>

namespace prefdyn {

void print_population(std::ostream& out, const Population& p) {
    out << "population " << p.known_name() << ": " << p.components().size()
        << " components, d = " << p.dimension() << ", p_plus = " << p.p_plus()
        << ", D = " << p.distinguishability() << ", ||E z|| = " << p.zbar().norm() << " (exact)\n";
}

}  // namespace prefdyn
