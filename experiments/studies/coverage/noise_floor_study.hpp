#pragma once
// The noise floor of zbar (theory.md T5) on samples of known populations: the one claim that
// sees noise that is smaller than declared.

#include "experiments/studies/study.hpp"

namespace prefdyn {

Study noise_floor_study();

}  // namespace prefdyn
