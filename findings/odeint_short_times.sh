#!/bin/sh
# Boost.Odeint 1.74 (Debian 12, libboost1.74-dev): integrate_times and integrate_adaptive compare times with an
# absolute epsilon (2.2e-16). An interval shorter than that is not integrated at all: no step, no error, the state
# comes back as it went in. A problem whose natural time is short (a stiff gradient flow, time in units of a large
# curvature) is silently answered with its initial value; the same problem in another unit of time is solved.
#
# Seen: "unit of time 1: x = 1, steps 3" and "unit of time 1e-17: x = 0, steps 0" for x' = 1/unit, x(0) = 0, asked
# at t = unit, where x = 1. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libboost1.74-dev=1.74.0+ds1-21 >/dev/null 2>&1
dpkg -x libboost1.74-dev_*.deb .
cat >short.cpp <<'CPP'
#include <boost/numeric/odeint.hpp>
#include <cstdio>
#include <vector>

using State = std::vector<double>;

int main() {
    namespace odeint = boost::numeric::odeint;
    for (const double unit : {1.0, 1e-17}) {
        State x = {0.0};
        double last = -1.0;
        const std::vector<double> times = {0.0, unit};
        const auto field = [&](const State&, State& dxdt, double) { dxdt[0] = 1.0 / unit; };
        const auto steps = odeint::integrate_times(
            odeint::make_controlled(1e-10, 1e-10, odeint::runge_kutta_dopri5<State>()), field, x, times.begin(),
            times.end(), 0.1 * unit, [&](const State& at, double) { last = at[0]; });
        std::printf("unit of time %g: x = %g, steps %zu\n", unit, last, steps);
    }
}
CPP
g++ -w -std=c++17 -O1 -Iusr/include short.cpp -o short
./short | tee seen
grep -q "^unit of time 1: x = 1, " seen
grep -q "^unit of time 1e-17: x = 0, steps 0$" seen
