"""Reads golden/ with TensorBoard's own code and says whether everything is there. Needs `pip install tensorboard`."""

import json
import math
import pathlib

from tensorboard import context
from tensorboard.backend.event_processing import (
    data_provider,
    event_accumulator,
    plugin_event_accumulator,
    plugin_event_multiplexer,
)
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.util import tensor_util

GOLDEN = str(pathlib.Path(__file__).parent / "golden")

events = event_accumulator.EventAccumulator(GOLDEN)
events.Reload()
loss = events.Scalars("loss/train")
assert [e.step for e in loss] == [1, 2] and loss[0].value == 0.75 and math.isnan(loss[1].value), loss
assert [(e.wall_time, e.value) for e in events.Scalars("lr")] == [(1700000000.25, 0.5), (1700000000.5, 0.25)]
(image,) = events.Images("boundary/p")
assert (image.step, image.width, image.height) == (2, 6, 4) and image.encoded_image_string.startswith(b"\x89PNG")
metadata = events.SummaryMetadata("boundary/p")
assert metadata.plugin_data.plugin_name == "torchscope" and not metadata.summary_description, metadata
meta = {"kind": "plane", "layer": "dense2", "shape": [4, 6], "min": 0.05, "max": 0.74, "extent": [-1.5, 2.5, -1.0, 1.5]}
assert json.loads(metadata.plugin_data.content) == meta, metadata
(points,) = events.Tensors("boundary/points")
assert tensor_util.make_ndarray(points.tensor_proto).tolist() == [[0.5, -0.25, 1.0], [1.75, 0.5, 0.0]]
assert events.SummaryMetadata("boundary/points").plugin_data.plugin_name == "torchscope"
assert json.loads(events.SummaryMetadata("boundary/points").plugin_data.content) == {"kind": "points"}
assert json.loads(events.SummaryMetadata("alarm").summary_description) == {"kind": "alarm"}
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
    "alarm": "text",
    "run/recipe": "text",
    "run/classes": "torchscope",
    "run/length": "torchscope",
    "_hparams_/experiment": "hparams",
    "_hparams_/session_start_info": "hparams",
    "_hparams_/session_end_info": "hparams",
}, names
assert tensor_util.make_ndarray(plugins.Tensors("notes")[0].tensor_proto).item().decode() == "two moons, 2–20–1"
assert tensor_util.make_ndarray(plugins.Tensors("run/classes")[0].tensor_proto).item() == b'["upper","lower"]'
assert tensor_util.make_ndarray(plugins.Tensors("run/recipe")[0].tensor_proto).item().startswith(b"```toml\n")

# What the HPARAMS tab shows: this run with its values and its metric.
multiplexer = plugin_event_multiplexer.EventMultiplexer()
multiplexer.AddRunsFromDirectory(GOLDEN)
multiplexer.Reload()
provider = data_provider.MultiplexerDataProvider(multiplexer, GOLDEN)
backend = backend_context.Context(base_plugin.TBContext(data_provider=provider, logdir=GOLDEN, multiplexer=multiplexer))
request = api_pb2.ListSessionGroupsRequest(
    start_index=0, slice_size=9, allowed_statuses=[api_pb2.STATUS_SUCCESS], include_metrics=True
)
(group,) = list_session_groups.Handler(context.RequestContext(), backend, "", request).run().session_groups
values = {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}
assert values == {"optimizer.kind": "sgd", "optimizer.lr": 0.5, "shuffle": True}, values
assert [metric.name.tag for metric in group.metric_values] == ["loss/train"], group
print("TensorBoard reads all of it")
