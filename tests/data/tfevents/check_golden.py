"""Reads golden/ with TensorBoard's own code and says whether everything is there. Needs `pip install tensorboard`."""

import json
import math
import pathlib

from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.util import tensor_util

GOLDEN = str(pathlib.Path(__file__).parent / "golden")

events = event_accumulator.EventAccumulator(GOLDEN)
events.Reload()
loss = events.Scalars("loss/train")
assert [e.step for e in loss] == [1, 2] and loss[0].value == 0.75 and math.isnan(loss[1].value), loss
assert [(e.wall_time, e.value) for e in events.Scalars("lr")] == [(1700000000.25, 0.5), (1700000000.5, 0.25)]
(image,) = events.Images("boundary/p")
assert (image.step, image.width, image.height) == (2, 6, 4) and image.encoded_image_string.startswith(b"\x89PNG")
meta = json.loads(events.SummaryMetadata("boundary/p").summary_description)
assert meta == {"shape": [4, 6], "min": 0.05, "max": 0.74, "layer": "dense2", "extent": [-1.5, 2.5, -1.0, 1.5]}, meta
(points,) = events.Tensors("boundary/points")
assert tensor_util.make_ndarray(points.tensor_proto).tolist() == [[0.5, -0.25, 1.0], [1.75, 0.5, 0.0]]
assert events.SummaryMetadata("boundary/points").plugin_data.plugin_name == "torchscope"
(histogram,) = events.Histograms("weights/dense1.weight")
assert (histogram.histogram_value.num, histogram.histogram_value.bucket) == (6.0, [1.0, 3.0, 2.0])

# The newer reader, through which the plugins of the web page go.
plugins = plugin_event_accumulator.EventAccumulator(GOLDEN)
plugins.Reload()
names = {tag: plugins.SummaryMetadata(tag).plugin_data.plugin_name for tag in plugins.Tags()["tensors"]}
assert names == {
    "loss/train": "scalars",
    "lr": "scalars",
    "boundary/p": "images",
    "boundary/points": "torchscope",
    "weights/dense1.weight": "histograms",
    "notes": "text",
}, names
assert tensor_util.make_ndarray(plugins.Tensors("notes")[0].tensor_proto).item().decode() == "two moons, 2–20–1"
print("TensorBoard reads all of it")
