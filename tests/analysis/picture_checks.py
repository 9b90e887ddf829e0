"""How tests look at figures."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg


class PictureChecks:
    """For a unittest.TestCase."""

    def check_picture(self, image):
        height, width = image.shape[:2]
        self.assertGreaterEqual(width, 1000)
        self.assertGreaterEqual(height, 200)
        self.assertGreater(image.var(), 0.004)
        colours = np.rint(image * 255).astype(int) @ (1, 256, 65536)
        self.assertGreater(np.unique(colours).size, 100)
        coloured = image.max(axis=2) - image.min(axis=2) > 0.3
        self.assertGreater(coloured.sum(), 400, "no data: text and grid are grey")
        dark = image.max(axis=2) < 0.5
        self.assertGreater(dark[:, :width // 14].sum(), 100, "no labels at the left")
        self.assertGreater(dark[-35:].sum(), 100, "no label at the bottom")
        self.check_edges(image)

    def check_edges(self, image):
        for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
            self.assertTrue((edge == 1).all(), "something is cut off at the edge")

    def check_texts(self, figure):
        draw(figure)
        for axes in figure.axes:
            self.assertTrue(axes.lines or axes.collections or axes.images, "a panel without data")
        boxes = [(text.get_text(), text.get_window_extent()) for text in visible_texts(figure)]
        self.assertGreater(len(boxes), 8)
        for i, (text, box) in enumerate(boxes):
            for other, its in boxes[:i]:
                self.assertFalse(box.padded(-1).overlaps(its.padded(-1)), f"{text} / {other}")


def draw(figure):
    """The picture as RGB in [0, 1]; afterwards every text knows its place."""
    figure.set_dpi(150)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3] / 255


def visible_texts(figure):
    """Everything written in a figure; ticks outside their axis are not drawn."""
    texts = list(figure.texts) + [t for legend in figure.legends for t in legend.get_texts()]
    if figure._supxlabel is not None and figure._supxlabel not in texts:
        texts.append(figure._supxlabel)
    for axes in figure.axes:
        texts += [*axes.texts, axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title]
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
        for axis in (axes.xaxis, axes.yaxis):
            texts += [tick.label1 for tick in axis._update_ticks() if tick.label1.get_visible()]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]
