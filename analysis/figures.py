"""The list of figures: each entry draws itself from a file or returns None where it has no data."""

from analysis import behaviour_figures, claim_figures, rate_figures, run_figures, style

FIGURES = (
    run_figures.single_run,
    rate_figures.initial_rate,
    rate_figures.head_change,
    claim_figures.tightness,
    claim_figures.coverage,
    behaviour_figures.distinguishability,
    behaviour_figures.loss_at_fixed_steps,
    behaviour_figures.loss_curves,
)


def draw_all(results):
    """All figures one file has the data for, as style.Plot."""
    style.apply()
    plots = (draw(results) for draw in FIGURES)
    return [plot for plot in plots if plot is not None]
