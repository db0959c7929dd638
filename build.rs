//! Tells the trainer where its libtorch is, so that it starts without `LD_LIBRARY_PATH`.
//!
//! torch-sys knows the folder, whichever way it was found, and passes it on as `DEP_TCH_LIBTORCH_LIB`. Only what may name
//! `tch` is linked differently: the viewer stays free of libtorch, down to its dynamic section.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_TRAINER").is_none() {
        return;
    }
    // Absent when torch-sys is built for its documentation alone: nothing is linked then.
    let Some(folder) = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else {
        return;
    };
    let folder = std::path::absolute(&folder).unwrap_or(folder);

    // Each argument by itself, not joined by commas: a folder's name may hold one.
    let mut arguments = vec!["-Xlinker".into(), "-rpath".into(), "-Xlinker".into(), folder.display().to_string()];
    // No symbol of libtorch_cuda is ever named: it registers itself when loaded. Linkers drop such a library unless told
    // not to, and the trainer would then see no GPU.
    let cuda = folder.join("libtorch_cuda.so");
    if cuda.exists() {
        arguments.push("-Wl,--push-state,--no-as-needed".into());
        arguments.push(cuda.display().to_string());
        arguments.push("-Wl,--pop-state".into());
    }
    // Rewritten whenever libtorch is exchanged, for one with CUDA say; cargo must not watch a file that is not there.
    if let Some(version) = folder.parent().map(|libtorch| libtorch.join("build-version")).filter(|file| file.exists()) {
        println!("cargo::rerun-if-changed={}", version.display());
    }

    // A bench with a main of its own is declared there. Watching the folder would rebuild everything after each edit in it.
    println!("cargo::rerun-if-changed=Cargo.toml");
    let benches = has_rust_files(Path::new("benches"));
    for argument in arguments {
        println!("cargo::rustc-link-arg-bin=torchscope-trainer={argument}");
        // Refused by cargo for a package without benches.
        if benches {
            println!("cargo::rustc-link-arg-benches={argument}");
        }
    }
}

fn has_rust_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
    })
}
