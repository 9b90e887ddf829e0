#pragma once
// Every loss of the registry (theory.md T11): its constants, its first update against DPO's, and
// which of T1 to T4 it satisfies.

#include "experiments/studies/study.hpp"

namespace prefdyn {

Study losses_study();

}  // namespace prefdyn
