"""The look of the figures: palette, sizes and the settings that make their bytes repeatable."""

import io
from dataclasses import dataclass, field

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Okabe and Ito, safe for all colour vision; each use also differs in marker or line style
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#767676"
SERIES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (PURPLE, "D"), (VERMILLION, "v"), (SKY, "P"))
_NO_PALE_END = np.linspace(0, 0.9, 256)
SEQUENTIAL = ListedColormap(matplotlib.colormaps["viridis"](_NO_PALE_END))

PAGE_WIDTH, PAGE_HEIGHT = 7.2, 9.4  # inches; prints at full size on A4 and Letter
FORMATS = ("png", "svg", "pdf")
METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_SETTINGS = {
    "svg.hashsalt": "prefdyn",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.titlesize": 10.5,
    "savefig.dpi": 150,
}


@dataclass(frozen=True)
class Plot:
    """A drawn figure: its file stem, what it shows, and how to read it (plain text)."""

    name: str
    title: str
    caption: str
    figure: Figure = field(repr=False)

    def _repr_png_(self):
        """What a notebook shows."""
        out = io.BytesIO()
        self.figure.savefig(out, format="png", metadata=METADATA["png"])
        return out.getvalue()

    def save(self, path):
        """As PDF, SVG or PNG, by the ending."""
        kind = str(path).rsplit(".", 1)[-1].lower()
        self.figure.savefig(path, format=kind, metadata=METADATA[kind])


def apply():
    """Fixes every matplotlib setting, whatever the user's matplotlibrc says."""
    matplotlib.use("Agg")
    matplotlib.rcParams.update(matplotlib.rcParamsDefault)
    matplotlib.rcParams.update(_SETTINGS)


def new_figure(height, width=PAGE_WIDTH):
    return Figure(figsize=(width, height), layout="constrained")


def panel_grid(count, columns, height, extra=0.5, **shared):
    """A figure of `count` panels, `columns` in a row, `height` inches each; and the panels."""
    rows = -(-count // columns)
    figure = new_figure(height * rows + extra)
    panels = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
    for axes in panels[count:]:
        axes.remove()
    for axes in panels[max(0, count - columns):count]:  # also where the panel below is missing
        axes.tick_params(labelbottom=True)
    return figure, panels[:count]


def spread(items, most):
    """At most so many of the items, evenly spread, both ends kept."""
    if len(items) <= most:
        return items
    return items[np.round(np.linspace(0, len(items) - 1, most)).astype(int)]


def save(figure, folder, stem):
    """Writes STEM.png, .svg and .pdf without dates: the same figure gives the same bytes."""
    paths = {}
    for kind in FORMATS:
        paths[kind] = folder / f"{stem}.{kind}"
        figure.savefig(paths[kind], format=kind, metadata=METADATA[kind])
        figure.set_layout_engine(None)  # laid out once, the same in every format
    return paths


def legend_above(axes, columns, **options):
    """A legend over the axes, where it covers no data."""
    return axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncol=columns,
                       borderaxespad=0.2, columnspacing=1.4, handletextpad=0.5, **options)


def shortened(text, width=40):
    """Both ends are kept: names often differ in the last letters alone."""
    end = width // 3
    return text if len(text) <= width else f"{text[:width - end - 1]}…{text[-end:]}"


def dot_if_alone(count):
    """Options of a curve: one of a single point would not be seen."""
    return {} if count > 1 else {"marker": ".", "markersize": 5}


def rows_height(count, around, row=0.2):
    """Height of a figure with so many rows and inches around them: at most a page."""
    return min(around + row * count, PAGE_HEIGHT)


def name_rows(axes, names, height, size=9):
    """Names at y = 0, 1, ... downwards in so many inches; every second or third one where the
    rows are too narrow for all."""
    pitch = 72 * height / len(names)
    every = int(np.ceil(0.99 * 7.5 / pitch))
    axes.set_yticks(range(0, len(names), every), [shortened(name) for name in names[::every]],
                    fontsize=min(size, max(6.5, 0.75 * every * pitch)))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0 if every == 1 else 3)


def figure_legend(figure, handles, columns=None):
    """One legend over all panels, with its own strip in the layout."""
    columns = min(columns or len(handles), len(handles))
    strip = 0.26 + 0.18 * (-(-len(handles) // columns) - 1)
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - strip / figure.get_figheight()))
    return figure.legend(handles=handles, loc="upper center", ncol=columns)


def log_axis(axes, which):
    """Call after plotting: decades as 0.01, 0.1, 1; with their 2 and 5 where few are in sight."""
    axes.set(**{f"{which}scale": "log"})
    axis = getattr(axes, f"{which}axis")
    low, high = np.log10(axis.get_view_interval())
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high - low < 2 else (1,), numticks=20))
    axis.set_minor_formatter(NullFormatter())
    if low > -4.5 and high < 5:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
