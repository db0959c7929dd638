//! The rows.

use std::ops::Bound::{Excluded, Included};

use super::DefaultValue::{self, Flag, Needed, NoItems, Number, Text, Unset, Whole};
use super::{Key, Kind, Paths, Presence, Table, Takes, texts};
use crate::recipe::spec::MOST_SINGLE;
use crate::recipe::{Activation, Delimiter, Init, LEARNING_RATES, Layout, Loss, Normalise, Padding, Target};

/// Data sets with more samples than this are refused, before anything is allocated for them.
pub const MOST_SAMPLES: usize = 10_000_000;
const SAMPLES: u64 = MOST_SAMPLES as u64;
const EPOCHS: u64 = 1_000_000_000;
/// Side of a window, and pixels from one to the next.
const WINDOW: Takes = Takes::Whole(1, 255);
/// What is above 0, or not below it, in single precision too.
const ABOVE_ZERO: Takes = Takes::Number(Included(*LEARNING_RATES.start()), Included(*LEARNING_RATES.end()));
const ZERO_UP: Takes = Takes::Number(Included(0.0), Included(MOST_SINGLE));
const SHARE: Takes = Takes::Number(Included(0.0), Included(1.0));
const SHARE_BELOW_ONE: Takes = Takes::Number(Included(0.0), Excluded(1.0));
const DEVIATION: Takes = Takes::Number(Included(0.0), Included(1_000.0));
/// Rows or columns of a picture.
const SIDE: Takes = Takes::Whole(1, 4_096);
const COUNT: Takes = Takes::Whole(1, SAMPLES);
const ARRAY: Takes = Takes::Path("the path of an array: an .npy file");
const ARRAY_NAME: Takes = Takes::Text(&texts::ARRAY);
const IDX_FILE: Takes = Takes::Path("the path of an IDX file, plain or gzipped");

/// The tables of a recipe, each before those in it.
pub const TABLES: &[Table] = &[
    Table {
        path: "",
        about: "The run; these keys stand above the first [table]",
        presence: Presence::Needed,
        kinds: &[],
        keys: &[
            key("name", Takes::Text(&texts::NAME), Needed, "Names its runs: name-0001, name-0002 and so on"),
            key("title", Takes::Text(&texts::TITLE), DefaultValue::Key("name"), "One line for people"),
            key(
                "seed",
                Takes::Whole(0, u64::MAX),
                Needed,
                "Start of the parameters and order of the data; data has its own",
            ),
            key("epochs", Takes::Whole(0, EPOCHS), Needed, "Passes over the data; 0 shows the network untrained"),
            key("batch_size", Takes::Whole(1, SAMPLES), Needed, "Samples a step; the last of an epoch may have fewer"),
            key("shuffle", Takes::Flag, Flag(true), "Whether every epoch visits the samples in a new order"),
            key(
                "pace",
                Takes::Number(Included(0.001), Included(1e6)),
                Unset("as fast as it goes"),
                "Epochs a second, held only while somebody watches",
            ),
            key(
                "device",
                Takes::Text(&texts::DEVICE),
                Text("auto"),
                "Where to compute; auto takes CUDA where libtorch has it",
            ),
            key(
                "loss",
                Takes::Word(Loss::NAMES),
                Needed,
                "What is minimised; bce needs a last sigmoid, cross_entropy a last linear",
            ),
        ],
    },
    Table {
        path: "data",
        about: "What to learn from",
        presence: Presence::Needed,
        kinds: &[
            kind("moons", "two interleaved half circles, as scikit-learn's make_moons"),
            kind("circles", "a circle within a circle, as scikit-learn's make_circles"),
            kind("blobs", "Gaussian clouds, one a class, as scikit-learn's make_blobs"),
            kind("spiral", "two arms that wind around each other, radius 0 to 1"),
            kind("xor", "the square from -1 to 1; class 1 where the signs differ"),
            kind("mnist", "handwritten digits of 28x28 pixels, built in"),
            kind("idx", "pictures in four IDX files: MNIST, Fashion-MNIST and their kin"),
            kind("csv", "a table as text: a sample a line, its class in one of the columns"),
            kind("npy", "arrays in files of their own, as numpy.save writes them"),
            kind("npz", "arrays in one archive, as numpy.savez writes them"),
            kind("folder", "PNG and JPEG pictures in one folder a class"),
        ],
        keys: &[
            of(POINTS, "samples", Takes::Whole(2, SAMPLES), Needed, "Points in all classes together"),
            of(
                &["moons", "circles", "spiral", "xor"],
                "noise",
                DEVIATION,
                Needed,
                "Standard deviation of the Gaussian noise on each coordinate",
            ),
            of(
                &["circles"],
                "factor",
                SHARE_BELOW_ONE,
                Number(0.8),
                "Radius of the inner circle; the outer one's is 1",
            ),
            of(&["blobs"], "centers", Takes::Whole(2, 100), Whole(3), "Clouds; their centres are drawn from -10 to 10"),
            of(&["blobs"], "spread", DEVIATION, Number(1.0), "Standard deviation of a cloud (cluster_std)"),
            of(
                &["spiral"],
                "turns",
                Takes::Number(Included(0.1), Included(10.0)),
                Number(1.5),
                "Times that an arm goes round",
            ),
            of(
                POINTS,
                "seed",
                Takes::Whole(0, u32::MAX as u64),
                Needed,
                "Seed of the points (scikit-learn's random_state)",
            ),
            of(&["idx"], "train_images", IDX_FILE, Needed, "Pictures to train on: bytes, (n, height, width)"),
            of(&["idx"], "train_labels", IDX_FILE, Needed, "Their classes: bytes, (n)"),
            of(&["idx"], "test_images", IDX_FILE, Needed, "Pictures to evaluate on"),
            of(&["idx"], "test_labels", IDX_FILE, Needed, "Their classes"),
            of(&["csv"], "path", Takes::Path("the path of a table: a CSV file"), Needed, "The table"),
            of(&["npz"], "path", Takes::Path("the path of an archive of arrays: an .npz file"), Needed, "The archive"),
            of(
                &["folder"],
                "path",
                Takes::Path("the path of a folder with one folder a class"),
                Needed,
                "Holds the folders of the classes, or train and test with those in each",
            ),
            of(
                &["csv"],
                "features",
                Takes::Columns,
                NoItems,
                "Columns that go in, in this order; [] for all but the label",
            ),
            of(
                &["csv"],
                "label",
                Takes::Column,
                Unset("the last; none for target = \"input\""),
                "Column of the classes",
            ),
            of(&["csv"], "header", Takes::Flag, Unset("looked for"), "Whether the first line names the columns"),
            of(
                &["csv"],
                "delimiter",
                Takes::Word(Delimiter::NAMES),
                Unset("looked for"),
                "What stands between the fields of a line",
            ),
            of(&["npy"], "inputs", ARRAY, Needed, "Inputs: a table (n, features), or pictures"),
            of(&["npy"], "labels", ARRAY, Unset("none, for target = \"input\""), "Their classes (n)"),
            of(&["npy"], "test_inputs", ARRAY, Unset("a share is held out"), "Inputs to evaluate on"),
            of(&["npy"], "test_labels", ARRAY, Unset("none"), "Their classes"),
            of(
                &["npz"],
                "inputs",
                ARRAY_NAME,
                Unset("one of the usual names"),
                "Name of the inputs: a table, or pictures",
            ),
            of(&["npz"], "labels", ARRAY_NAME, Unset("one of the usual names"), "Name of their classes"),
            of(
                &["npz"],
                "test_inputs",
                ARRAY_NAME,
                Unset("one of the usual names"),
                "Name of the inputs to evaluate on",
            ),
            of(&["npz"], "test_labels", ARRAY_NAME, Unset("one of the usual names"), "Name of their classes"),
            of(
                &["npy", "npz"],
                "layout",
                Takes::Word(Layout::NAMES),
                Unset("inferred from their sizes"),
                "Order of the dimensions: samples n, channels c, rows h, columns w",
            ),
            of(&["idx"], "height", SIDE, Whole(28), "Rows of a picture; the files must agree"),
            of(&["idx"], "width", SIDE, Whole(28), "Columns of a picture; the files must agree"),
            of(&["idx"], "channels", Takes::Whole(1, 64), Whole(1), "Numbers a pixel; the files must agree"),
            of(&["folder"], "height", SIDE, Needed, "Rows to bring pictures to"),
            of(&["folder"], "width", SIDE, Needed, "Columns to bring pictures to"),
            of(&["folder"], "channels", Takes::Whole(1, 3), Whole(3), "1 for grey, 3 for red, green and blue"),
            of(&["idx"], "classes", Takes::Whole(2, 1_000), Whole(10), "Classes; labels run from 0 to one less"),
            of(
                &["idx", "csv", "npy", "npz", "folder"],
                "class_names",
                Takes::Names(1_000),
                NoItems,
                "Names of the classes, in their order; [] for those in the data",
            ),
            of(
                OWN,
                "held_out",
                SHARE_BELOW_ONE,
                Unset("0.2, unless the data come in two halves"),
                "Share of the samples that is kept for evaluation, of each class alike",
            ),
            of(
                OWN,
                "normalise",
                Takes::Word(Normalise::NAMES),
                Unset("unit for pictures, standard for tables"),
                "Inputs as they are, brought to 0..1, or to mean 0 and deviation 1",
            ),
            of(OWN, "seed", Takes::Whole(0, u32::MAX as u64), Whole(0), "Decides which samples are held out"),
            of(&["mnist"], "train", Takes::Whole(1, 10_000), Whole(10_000), "Digits to train on, the first so many"),
            of(&["mnist"], "test", Takes::Whole(1, 2_000), Whole(2_000), "Digits to evaluate on, the first so many"),
            of(&["idx"], "train", COUNT, Unset("all"), "Pictures to train on, the first so many"),
            of(&["idx"], "test", COUNT, Unset("all"), "Pictures to evaluate on, the first so many"),
            of(OWN, "train", COUNT, Unset("all"), "Samples to train on, of each class alike"),
            of(OWN, "test", COUNT, Unset("all"), "Samples to evaluate on, of each class alike"),
            of(
                &["mnist", "idx", "csv", "npy", "npz", "folder"],
                "target",
                Takes::Word(Target::NAMES),
                Text("label"),
                "What to predict: its class, or the sample itself (an autoencoder)",
            ),
        ],
    },
    Table {
        path: "model",
        about: "The network",
        presence: Presence::Needed,
        kinds: &[],
        keys: &[key(
            "init",
            Takes::Word(Init::NAMES),
            Needed,
            "How parameters start: keras is Glorot uniform with zero biases",
        )],
    },
    Table {
        path: "model.layers",
        about: "One block a layer, from the input to the output",
        presence: Presence::List(1_000),
        kinds: &[
            kind("dense", "fully connected: activation(W x + b)"),
            kind("conv2d", "convolution with square windows: activation(W * x + b)"),
            kind("max_pool2d", "the largest number of each window, channel by channel"),
            kind("avg_pool2d", "the mean of each window, channel by channel"),
            kind("flatten", "all of a sample in one row, channel by channel"),
            kind("dropout", "zeros at random while training"),
            kind("batch_norm", "each channel to mean 0 and variance 1, then scaled and shifted"),
        ],
        keys: &[
            of(&["dense"], "units", Takes::Whole(1, 1_000_000), Needed, "Outputs"),
            of(&["conv2d"], "filters", Takes::Whole(1, 65_536), Needed, "Output channels"),
            of(&["conv2d"], "kernel", WINDOW, Needed, "Side of the window"),
            of(POOLS, "size", WINDOW, Needed, "Side of the window"),
            of(&["conv2d"], "stride", WINDOW, Whole(1), "Pixels from one window to the next"),
            of(POOLS, "stride", WINDOW, DefaultValue::Key("size"), "Pixels from one window to the next"),
            of(
                &["conv2d", "max_pool2d", "avg_pool2d"],
                "padding",
                Takes::Word(Padding::NAMES),
                Text("valid"),
                "valid: windows stay inside; same: the output has ceil(input / stride)",
            ),
            of(&["dropout"], "rate", SHARE_BELOW_ONE, Needed, "Share of zeros; the rest is divided by 1 - rate"),
            of(
                &["dense", "conv2d", "batch_norm"],
                "activation",
                Takes::Word(Activation::NAMES),
                Text("linear"),
                "What follows; linear is nothing",
            ),
        ],
    },
    Table {
        path: "optimizer",
        about: "How parameters move, with PyTorch's defaults",
        presence: Presence::Needed,
        kinds: &[
            kind("sgd", "stochastic gradient descent, as torch.optim.SGD"),
            kind("adam", "as torch.optim.Adam"),
            kind("adamw", "Adam with weight decay apart from the gradient, as torch.optim.AdamW"),
            kind("rmsprop", "as torch.optim.RMSprop, not centred"),
        ],
        keys: &[
            key("lr", ABOVE_ZERO, Needed, "Learning rate"),
            of(&["rmsprop"], "alpha", SHARE_BELOW_ONE, Number(0.99), "Memory of the squared gradient"),
            of(ADAM, "beta1", SHARE_BELOW_ONE, Number(0.9), "Memory of the gradient"),
            of(ADAM, "beta2", SHARE_BELOW_ONE, Number(0.999), "Memory of the squared gradient"),
            of(
                &["adam", "adamw", "rmsprop"],
                "epsilon",
                ABOVE_ZERO,
                Number(1e-8),
                "Added to the root of the squared gradient",
            ),
            of(&["sgd", "rmsprop"], "momentum", SHARE_BELOW_ONE, Number(0.0), "Share of the last step that goes on"),
            of(&["sgd"], "nesterov", Takes::Flag, Flag(false), "Nesterov's momentum; needs a momentum above 0"),
            of(
                &["sgd", "adam", "rmsprop"],
                "weight_decay",
                ZERO_UP,
                Number(0.0),
                "Factor of the L2 penalty, which is added to the gradient",
            ),
            of(
                &["adamw"],
                "weight_decay",
                ZERO_UP,
                Number(0.01),
                "Share of the parameter, times the rate, that each step takes away",
            ),
        ],
    },
    Table {
        path: "schedule",
        about: "How the learning rate changes, as a factor on it",
        presence: Presence::Optional(Some("constant")),
        kinds: &[
            kind("constant", "1 throughout"),
            kind("step", "falls by a factor every so many epochs, the warm-up included"),
            kind("cosine", "half a cosine from 1 after the warm-up to the floor at the end"),
        ],
        keys: &[
            of(
                &["step"],
                "every",
                Takes::Number(Excluded(0.0), Included(EPOCHS as f64)),
                Needed,
                "Epochs between two falls",
            ),
            of(
                &["step"],
                "factor",
                Takes::Number(Excluded(0.0), Included(1.0)),
                Number(0.1),
                "What each fall multiplies the rate by",
            ),
            of(&["cosine"], "floor", SHARE, Number(0.0), "Share of the rate that is left at the end"),
            key(
                "warmup",
                Takes::Number(Included(0.0), Included(EPOCHS as f64)),
                Number(0.0),
                "Epochs over which the rate rises at first; fractions count",
            ),
        ],
    },
    Table {
        path: "probe",
        about: "What the network is looked at with",
        presence: Presence::Optional(None),
        kinds: &[],
        keys: &[
            key(
                "pictures",
                Takes::Paths(&Paths {
                    expected: "a list like [\"cat\", \"my/picture.png\"]",
                    most: 16,
                    built_in: "cat",
                }),
                NoItems,
                "PNG and JPEG files, or the built-in cat; scaled to the size of the inputs",
            ),
            key("samples", Takes::Whole(0, 100), Whole(10), "Samples of the evaluation set, one of each class in turn"),
        ],
    },
    Table {
        path: "record",
        about: "How much is recorded",
        presence: Presence::Optional(None),
        kinds: &[],
        keys: &[
            key(
                "image_budget_mib",
                Takes::Number(Included(0.0), Included(1_048_576.0)),
                Number(64.0),
                "MiB that the pictures of a run may take on disk",
            ),
            key("probe_share", SHARE, Number(0.05), "Share of the time that looking may take from training"),
            key(
                "moments",
                Takes::Whole(0, 10_000),
                Whole(256),
                "Steps at which everything is recorded, to be scrubbed through later; 0: none",
            ),
            key(
                "checkpoint_seconds",
                Takes::Number(Included(0.0), Included(1e6)),
                Number(30.0),
                "From one checkpoint to the next at most; 0: at the end and on request",
            ),
        ],
    },
];

const POINTS: &[&str] = &["moons", "circles", "blobs", "spiral", "xor"];
/// Data of the user's own, with a preparation in common.
const OWN: &[&str] = &["csv", "npy", "npz", "folder"];
const POOLS: &[&str] = &["max_pool2d", "avg_pool2d"];
const ADAM: &[&str] = &["adam", "adamw"];

/// A key of all kinds.
const fn key(name: &'static str, takes: Takes, default: DefaultValue, about: &'static str) -> Key {
    of(&[], name, takes, default, about)
}

/// A key of some kinds.
const fn of(
    kinds: &'static [&'static str],
    name: &'static str,
    takes: Takes,
    default: DefaultValue,
    about: &'static str,
) -> Key {
    Key { name, kinds, takes, default, about }
}

const fn kind(name: &'static str, about: &'static str) -> Kind {
    Kind { name, about }
}
