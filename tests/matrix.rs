//! Recipes with learning rates that are far too large, as a user runs them: the real programs, headless and on a terminal. All
//! recipes, rates and policies run inside the trainer's own tests (`train/matrix.rs`); here are some of each.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]
#![expect(dead_code, reason = "the other tests use the rest of the support")]

mod support;

use std::process::Stdio;

use support::{Home, Terminal, wait};

const RECIPES: [&str; 8] = ["moons", "circles", "blobs", "spiral", "xor", "perceptron", "cnn", "autoencoder"];
const POLICIES: [&str; 3] = ["stop", "pause", "continue"];

/// `train` with a recipe at its smallest.
fn arguments(recipe: &str, power: i32, policy: &str) -> Vec<String> {
    let size = match recipe {
        "cnn" | "autoencoder" => ["data.train=16", "data.test=8"],
        _ => ["data.samples=24", "batch_size=8"],
    };
    let rate = format!("--lr=1e{power}");
    let fixed = ["train", recipe, "--epochs=3", &rate, "--on-nan", policy, "--pace=max"];
    let sets = size.iter().flat_map(|set| ["--set", set]);
    fixed.into_iter().chain(sets).map(str::to_owned).collect()
}

/// The cells of a diagonal: recipe, power of ten, policy.
fn diagonal(first: usize, stride: i32) -> impl Iterator<Item = (&'static str, i32, &'static str)> {
    RECIPES.into_iter().enumerate().map(move |(place, recipe)| {
        (recipe, (place as i32 * stride + first as i32) % 31, POLICIES[(place + first) % POLICIES.len()])
    })
}

/// Releases a run that has paused; true once it is over.
fn is_over(home: &Home) -> Option<serde_json::Value> {
    let run = home.runs().into_iter().next()?;
    let status = home.status(&run);
    if status["state"] == "paused" {
        let _stopped = home.torchscope(&["stop", run.to_str().unwrap()]);
    }
    let is_live = ["starting", "running", "paused"].iter().any(|state| status["state"] == *state);
    (!is_live).then_some(status)
}

#[test]
fn headless_runs_end_as_they_should() {
    for (recipe, power, policy) in diagonal(2, 4) {
        let home = Home::new();
        let mut arguments = arguments(recipe, power, policy);
        arguments.push("--headless".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let what = arguments.join(" ");
        let mut command = home.command(&arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let status = wait(&what, || is_over(&home));
        let output = child.wait_with_output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let code = match status["state"].as_str().unwrap() {
            "finished" => 0,
            "stopped" if policy == "pause" => 3,
            "diverged" => 4,
            state => panic!("{what}: {state}: {said}"),
        };
        assert_eq!(output.status.code(), Some(code), "{what}: {said}");
        if let Some(outcome) = status["outcome"].as_str() {
            // What is stored is what the last lines say.
            assert!(said.contains(outcome), "{what}: {outcome} is not in {said}");
        }
        assert!(!said.contains("Some(") && !said.contains("panicked"), "{what}: {said}");
    }
}

#[test]
fn watched_runs_end_as_they_should() {
    for (recipe, power, policy) in diagonal(7, 5) {
        let home = Home::new();
        let arguments = arguments(recipe, power, policy);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let what = arguments.join(" ");
        let mut terminal = Terminal::start(&home, &arguments, (100, 30));
        let status = wait(&what, || is_over(&home));
        let state = status["state"].as_str().unwrap().to_owned();
        let is_right = matches!(state.as_str(), "finished" | "diverged") || (state == "stopped" && policy == "pause");
        assert!(is_right, "{what}: {status}");
        terminal.wait(&what, |screen| screen.contains(&state));
        terminal.keys("q");
        let code = terminal.exit_code();
        assert_eq!(
            code,
            if state == "finished" {
                0
            } else if state == "stopped" {
                3
            } else {
                4
            },
            "{what}"
        );
    }
}

#[test]
fn a_loss_that_explodes_is_no_success_anywhere() {
    let home = Home::new();
    let output = home.torchscope(&["train", "moons", "--lr", "50", "--headless"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the loss exploded: ") && said.contains("(`--lr`)"), "{said}");
    let listed = String::from_utf8(home.torchscope(&["ls"]).stdout).unwrap();
    assert!(listed.contains("diverged"), "{listed}");
}

#[test]
fn a_run_that_got_worse_says_so_everywhere() {
    let home = Home::new();
    let arguments = ["train", "moons", "--lr", "2", "--epochs", "1", "--set", "optimizer.momentum=0.99", "--headless"];
    // A seed whose loss is above its start after one epoch, and no explosion.
    let worse = (1..40).find_map(|seed: u32| {
        let seed = seed.to_string();
        let output = home.torchscope(&[&arguments[..], &["--seed", &seed]].concat());
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        (output.status.code() == Some(0) && said.contains("it got worse: ")).then_some(said)
    });
    let said = worse.expect("no seed makes it worse");
    let last = said.lines().last().unwrap();
    assert!(said.contains("finished at epoch 1/1"), "{said}");
    let listed = String::from_utf8(home.torchscope(&["ls"]).stdout).unwrap();
    assert!(listed.contains("finished, worse"), "{listed}");
    let json: serde_json::Value = serde_json::from_slice(&home.torchscope(&["ls", "--json"]).stdout).unwrap();
    let outcomes: Vec<_> = json.as_array().unwrap().iter().filter(|run| run["state"] == "finished").collect();
    assert!(
        outcomes.iter().any(|run| run["outcome"].as_str().is_some_and(|text| said.contains(text))),
        "{last}: {json}"
    );
}
