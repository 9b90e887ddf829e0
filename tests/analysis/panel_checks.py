"""What a panel of a figure shows, held against a list of what it must show.

An expectation is a list of marks, one a matplotlib artist. A mark that names an entry of the legend
must look like that entry, so a curve under another curve's name is seen. Every artist of the panel
must be on the list, and every mark of the list in the panel.
"""

from dataclasses import dataclass, field

import numpy as np
from matplotlib import collections, colors
from matplotlib.container import ErrorbarContainer

TOLERANCE = {"rtol": 1e-9, "atol": 1e-300, "equal_nan": True}


@dataclass
class Mark:
    """`kind` and its points; `look` is a legend entry (or its start), a dict of a look, or None."""

    kind: str
    look: object
    points: np.ndarray
    keys: str = "color line marker face"  # of the entry's look, those that count
    more: dict = field(default_factory=dict)  # what it looks like besides


def line(look, x, y, keys="color line marker face"):
    """Points joined or not, as axes.plot draws them."""
    x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    return Mark("line", look, np.column_stack([x.ravel(), y.ravel()]), keys)


def hline(y, look=None, keys="color line"):
    return line(look, (0, 1), (y, y), keys)


def vline(x, look=None, keys="color line"):
    return line(look, (x, x), (0, 1), keys)


def bars(x, low, high, look=None):
    """Vertical error bars."""
    return Mark("segments", look, np.array([((a, b), (a, c)) for a, b, c in zip(x, low, high)]),
                "color")


def hbars(y, low, high, look=None):
    return Mark("segments", look, np.array([((b, a), (c, a)) for a, b, c in zip(y, low, high)]),
                "color")


def band(look, x, low, high):
    """Between two curves; where one is not a number there is none."""
    there = [k for k in range(len(x)) if np.isfinite(low[k]) and np.isfinite(high[k])]
    return Mark("band", look, np.array([(x[k], y[k]) for y in (low, high) for k in there]), "color")


def box(x0, x1, y0, y1, look=None):
    return Mark("box", look, np.array([x0, x1, y0, y1], float), "color")


def dots(x, y, value):
    """A scatter plot, coloured by value."""
    return Mark("dots", None, np.column_stack([x, y, value]))


def image(values):
    return Mark("image", None, np.asarray(values, float))


@dataclass
class Panel:
    """What one panel shows; words must occur in its title and labels."""

    marks: list
    title: object = ""  # words, or several of them
    x: str = ""
    y: str = ""
    scale: tuple = ("linear", "linear")
    xticks: object = None  # {place: name}, or names at 0, 1, ...
    yticks: object = None
    texts: list = field(default_factory=list)  # (x or None, y, words) of each text in the panel


def shown(figure):
    """The panels of a figure; bars of colours are none."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def colour_bars(figure):
    """What is written at them."""
    return [axes.yaxis.label.get_text() for axes in figure.axes
            if axes.get_label() == "<colorbar>"]


def check_panels(test, plot, expected):
    """All panels of a style.Plot."""
    panels = shown(plot.figure)
    test.assertEqual(len(panels), len(expected), f"{plot.name}: panels")
    entries = _entries(plot.figure)
    for number, (axes, want) in enumerate(zip(panels, expected)):
        _check(test, f"{plot.name}, panel {number}", axes, want, entries)


def _check(test, where, axes, want, entries):
    found = _artists(axes)
    for mark in want.marks:
        look = _wanted_look(test, where, mark, entries)
        hit = next((k for k, artist in enumerate(found) if artist[0] == mark.kind
                    and _alike(artist[1], mark) and _looks(artist[2], look)), None)
        if hit is None:
            same = [(a[1].tolist(), a[2]) for a in found if a[0] == mark.kind]
            test.fail(f"{where}: no {mark.kind} {mark.look or ''} {look} at {mark.points.tolist()};"
                      f" left: {same}")
        del found[hit]
    test.assertEqual([(a[0], a[1].tolist()) for a in found], [], f"{where}: nobody asked for this")
    figure = axes.figure
    for have, words in ((_title(axes), want.title), (_label(axes.xaxis, figure._supxlabel), want.x),
                        (_label(axes.yaxis, figure._supylabel), want.y)):
        for each in [words] if isinstance(words, str) else words:
            test.assertIn(_flat(each), _flat(have), where)
    test.assertEqual((axes.get_xscale(), axes.get_yscale()), want.scale, where)
    for axis, ticks in ((axes.xaxis, want.xticks), (axes.yaxis, want.yticks)):
        if ticks is not None:
            ticks = ticks if isinstance(ticks, dict) else dict(enumerate(ticks))
            np.testing.assert_allclose(axis.get_majorticklocs(), list(ticks), err_msg=where)
            test.assertEqual([_flat(t) for t in map(
                str, axis.get_major_formatter().format_ticks(ticks))],
                             [_flat(t) for t in ticks.values()], where)
    texts = [(t.xy if hasattr(t, "xy") else t.get_position(), t.get_text()) for t in axes.texts]
    test.assertEqual(len(texts), len(want.texts), f"{where}: {texts}")
    for (place, text), (x, y, words) in zip(texts, want.texts):
        np.testing.assert_allclose(place[1], y, err_msg=where)
        if x is not None:
            np.testing.assert_allclose(place[0], x, err_msg=where)
        test.assertEqual(_flat(text), _flat(words), where)


def _flat(text):
    return " ".join(text.split()).replace("−", "-")


def _title(axes):
    return axes.get_title(loc="left") + axes.get_title()


def _label(axis, above):
    return axis.get_label_text() + " " + (above.get_text() if above is not None else "")


def _entries(figure):
    """Words of every entry of a legend -> its look."""
    out = {}
    for legend in [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]:
        for text, handle in zip(legend.get_texts(), _handles(legend)):
            if hasattr(handle, "get_marker"):
                out[text.get_text()] = _look(handle)
            elif hasattr(handle, "get_facecolor") and len(handle.get_facecolor()):
                out[text.get_text()] = _colour(handle.get_facecolor())
    for axes in figure.axes:  # what a legend draws otherwise than the panel
        for handle, words in zip(*axes.get_legend_handles_labels()):
            if isinstance(handle, ErrorbarContainer):
                out[words] = _look(handle[0])
    return out


def _handles(legend):
    return getattr(legend, "legend_handles", None) or legend.legendHandles  # before matplotlib 3.7


def _look(artist):
    color = colors.to_rgb(artist.get_color())
    face, plain = artist.get_markerfacecolor(), artist.get_marker() in (None, "None", "", " ")
    face = "" if plain or isinstance(face, str) and face == "auto" else (
        "none" if isinstance(face, str) and face == "none" else colors.to_hex(face))
    return {"color": color, "line": artist.get_linestyle(),
            "marker": "None" if plain else artist.get_marker(),
            "face": "" if face == colors.to_hex(color) else face}


def _wanted_look(test, where, mark, entries):
    if mark.look is None or isinstance(mark.look, dict):
        return {**(mark.look or {}), **mark.more}
    names = [name for name in entries if name == mark.look] or [
        name for name in entries if name.startswith(mark.look)]
    test.assertEqual(len(names), 1, f"{where}: {mark.look} in the legend {list(entries)}")
    return {**{key: value for key, value in entries[names[0]].items() if key in mark.keys.split()},
            **mark.more}


def _looks(have, want):
    return all(_same_colour(have[key], value) if key == "color" else have.get(key) == value
               for key, value in want.items())


def _same_colour(a, b):
    return np.abs(np.subtract(colors.to_rgb(a), colors.to_rgb(b))).max() < 0.03


def _alike(points, mark):
    if mark.kind == "band":  # a polygon: in which order does not matter
        points, wanted = (np.unique(np.round(np.log2(np.abs(p) + 1e-300), 9), axis=0)
                          for p in (points, mark.points))
        return points.shape == wanted.shape and np.allclose(points, wanted)
    if mark.kind == "contour":
        return points.shape == mark.points.shape and np.allclose(points, mark.points, atol=1e-7)
    return points.shape == mark.points.shape and np.allclose(points, mark.points, **TOLERANCE)


def _artists(axes):
    """(kind, points, look) of all that is drawn in a panel, save texts and empty lines."""
    caps = {id(cap) for c in axes.containers if isinstance(c, ErrorbarContainer) for cap in c[1]}
    out = [("line", np.asarray(each.get_xydata(), float), _look(each)) for each in axes.lines
           if id(each) not in caps and len(each.get_xydata())]
    for each in axes.collections:
        if axes.images:  # lines of a level on a map
            points = {tuple(np.round(point, 9)) for path in each.get_paths()
                      for point in path.vertices}
            out.append(("contour", np.array(sorted(points)), {}))
        elif isinstance(each, collections.LineCollection):
            segments = np.array([s for s in each.get_segments() if len(s)])
            if len(segments):
                out.append(("segments", segments, _colour(each.get_color())))
        elif isinstance(each, collections.PathCollection):
            out.append(("dots", np.column_stack([each.get_offsets(), each.get_array()]), {}))
        elif isinstance(each, collections.PolyCollection):
            points = [path.vertices for path in each.get_paths()]
            if points and sum(map(len, points)):
                out.append(("band", np.concatenate(points), _colour(each.get_facecolor())))
        else:
            out.append((type(each).__name__, np.zeros(0), {}))
    for each in axes.patches:
        corners = each.get_patch_transform().transform(each.get_path().vertices)
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        out.append(("box", np.array([x0, x1, y0, y1]), _colour(each.get_facecolor())))
    out += [("image", np.ma.filled(each.get_array().astype(float), np.nan), {})
            for each in axes.images]
    return out


def _colour(values):
    return {"color": colors.to_rgb(np.reshape(colors.to_rgba_array(values)[0, :3], 3))}
