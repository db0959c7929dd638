//! Data of the user's own: IDX files of tiny pictures, and a recipe that trains on them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

use std::fs;
use std::path::{Path, PathBuf};

/// Writes `{train,test}-{images,labels}` of so many 4x4 pictures in two classes into a folder, and a recipe for them: the
/// path of that, to be called `name`. `layers`: what lies between the pixels and the two outputs, in TOML, with a comma
/// behind each.
pub(crate) fn recipe(folder: &Path, name: &str, samples: u32, epochs: u32, batch_size: u32, layers: &str) -> PathBuf {
    for half in ["train", "test"] {
        let pixels = (0..samples * 16).map(|pixel| (pixel * 7 % 256) as u8);
        write(&folder.join(format!("{half}-images")), &[samples, 4, 4], pixels);
        write(&folder.join(format!("{half}-labels")), &[samples], (0..samples).map(|label| (label % 2) as u8));
    }
    let text = format!(
        r#"
        name = "{name}"
        seed = 1
        epochs = {epochs}
        batch_size = {batch_size}
        loss = "cross_entropy"
        optimizer = {{ kind = "sgd", lr = 0.1 }}

        [data]
        kind = "idx"
        train_images = "train-images"
        train_labels = "train-labels"
        test_images = "test-images"
        test_labels = "test-labels"
        height = 4
        width = 4
        classes = 2

        [model]
        init = "torch"
        layers = [{{ kind = "flatten" }}, {layers} {{ kind = "dense", units = 2, activation = "linear" }}]
        "#
    );
    let path = folder.join(format!("{name}.toml"));
    fs::write(&path, text).unwrap();
    path
}

/// An IDX file of bytes with those sizes.
fn write(path: &Path, sizes: &[u32], bytes: impl Iterator<Item = u8>) {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(bytes);
    fs::write(path, file).unwrap();
}
