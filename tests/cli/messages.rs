//! Bad input: every message, as the user sees it.

use crate::sandbox::{Sandbox, skipped};

/// What `isoflop plan` says of the sweep file after a change.
fn planned(from: &str, to: &str) -> String {
    let sandbox = Sandbox::new();
    sandbox.edit(from, to);
    said(&sandbox, &["plan", "sweep.yaml", "--no-calibration"])
}

pub(crate) fn said(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let ran = sandbox.run(arguments);
    assert_ne!(ran.code, 0, "{}", ran.out);
    assert!(
        !ran.err.contains("panicked") && !ran.err.contains("RUST_BACKTRACE"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("hint: ") || ran.code == 2,
        "no hint: {}",
        ran.err
    );
    format!("{}exit {}", ran.stderr, ran.code)
}

/// One snapshot for a family of mistakes, so that their tone can be read at once.
fn family(cases: &[(&str, &str, &str)]) -> String {
    cases
        .iter()
        .map(|(name, from, to)| format!("## {name}\n{}\n\n", planned(from, to)))
        .collect()
}

#[test]
fn keys() {
    insta::assert_snapshot!(family(&[
        ("an unknown key", "seeds:", "seed:"),
        (
            "an unknown key within a section",
            "sequence_length:",
            "sequence_lenght:"
        ),
        ("an unknown key that is near nothing", "seeds:", "zzz:"),
        ("a duplicate key", "seeds: [1]", "seeds: [1]\nseeds: [2]"),
        ("a missing key", "sequence_length: 32", ""),
        ("a missing section", "budgets:\n  flops: [2e8, 4e8]\n", ""),
        ("an unknown kind of budget", "flops:", "flop:"),
        ("an unknown executor", "local:", "slrum:"),
    ]));
}

#[test]
fn values() {
    insta::assert_snapshot!(family(&[
        ("a text where a list is wanted", "seeds: [1]", "seeds: one"),
        (
            "a text where a number is wanted",
            "sequence_length: 32",
            "sequence_length: many"
        ),
        (
            "a list where a number is wanted",
            "sequence_length: 32",
            "sequence_length: [32]"
        ),
        (
            "a number where a text is wanted",
            "train: train.txt",
            "train: [1]"
        ),
        (
            "a fraction where a count is wanted",
            "sequence_length: 32",
            "sequence_length: 32.5"
        ),
        ("a negative count", "seeds: [1]", "seeds: [-1]"),
        ("a negative budget", "[2e8, 4e8]", "[2e8, -4e8]"),
        ("a budget of zero", "[2e8, 4e8]", "[0, 4e8]"),
        ("an infinite budget", "[2e8, 4e8]", "[.inf]"),
        ("a budget that is not a number", "[2e8, 4e8]", "[.nan]"),
        ("an absurd budget", "[2e8, 4e8]", "[1e300]"),
        ("an overflowing budget", "[2e8, 4e8]", "[1e999]"),
        (
            "an absurd sequence",
            "sequence_length: 32",
            "sequence_length: 1e9"
        ),
        ("a learning rate of zero", "fixed: 1e-2", "fixed: 0"),
        ("an absurd learning rate", "fixed: 1e-2", "fixed: 1e6"),
        (
            "a warmup beyond the run",
            "fixed: 1e-2",
            "fixed: 1e-2\n  schedule: { cosine: { warmup: 1.5, floor: 0 } }"
        ),
        (
            "a decay longer than the run",
            "fixed: 1e-2",
            "fixed: 1e-2\n  schedule: { wsd: { warmup_steps: 10, decay: 1.6, floor: 0 } }"
        ),
        (
            "a beta of one",
            "fixed: 1e-2",
            "fixed: 1e-2\n  optimizer: { adamw: { beta2: 1 } }"
        ),
        ("no slots", "slots: 2", "slots: 0"),
        ("an unknown device", "device: cpu", "device: tpu"),
    ]));
}

#[test]
fn executors() {
    let local = "executor:\n  local:\n    device: cpu\n    slots: 2\n    threads_per_run: 1\n";
    insta::assert_snapshot!(family(&[
        (
            "no attempt",
            "executor:",
            "policy: { max_attempts: 0 }\nexecutor:"
        ),
        (
            "an unknown policy",
            "executor:",
            "policy: { attempts: 3 }\nexecutor:"
        ),
        (
            "a queue that is never asked",
            "executor:",
            "queue: { poll_seconds: 1e9 }\nexecutor:"
        ),
        ("an unknown word", local, "executor: locally\n"),
        ("an engine that needs settings", local, "executor: slurm\n"),
        ("no engine", local, "executor: []\n"),
        (
            "engines that are no list",
            "  local:",
            "  ray: {}\n  local:"
        ),
        (
            "a policy within an engine, as it was once",
            "slots: 2",
            "slots: 2\n    max_attempts: 3"
        ),
        (
            "several engines, as they were once",
            local,
            "executor:\n  several:\n    engines: [local: {}, slurm: {time: 60, poll_seconds: 2}]\n    order: as_listed\n"
        ),
    ]));
}

#[test]
fn texts() {
    let mut said = family(&[
        (
            "a text on the web",
            "train: train.txt",
            "train: https://me:secret@example.org/train.txt",
        ),
        (
            "a bucket without a name in it",
            "train: train.txt",
            "train: s3://lab",
        ),
        (
            "a secret in the address",
            "train: train.txt",
            "train: s3://me:secret@lab/train.txt",
        ),
        (
            "an endpoint for files",
            "train: train.txt",
            "train: train.txt\n  endpoint: http://127.0.0.1:9000",
        ),
        (
            "a region for files",
            "train: train.txt",
            "train: train.txt\n  region: eu-central-1",
        ),
        (
            "an endpoint that is none",
            "train: train.txt",
            "train: s3://lab/train.txt\n  endpoint: minio",
        ),
        (
            "a region that is none",
            "train: train.txt",
            "train: s3://lab/train.txt\n  region: here or there",
        ),
    ]);
    let sandbox = Sandbox::new();
    sandbox.edit(
        "train: train.txt",
        "train: s3://lab/train.txt\n  endpoint: http://127.0.0.1:9",
    );
    for (name, key) in [
        ("a storage that is not there", Some("key")),
        ("nobody who asks", None),
    ] {
        let mut command = sandbox.command(&["plan", "sweep.yaml", "--no-calibration"]);
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        command
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        let output = command
            .envs(key.map(|key| ("AWS_ACCESS_KEY_ID", key)))
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        said += &format!(
            "## {name}\n{}exit {code}\n\n",
            String::from_utf8(output.stderr).unwrap()
        );
    }
    insta::assert_snapshot!(said);
}

#[test]
fn lists_and_names() {
    insta::assert_snapshot!(family(&[
        ("no architectures", "[transformer, primer_ez]", "[]"),
        ("no sizes", "[d12-l2, d16-l2]", "[]"),
        ("no budgets", "[2e8, 4e8]", "[]"),
        ("no seeds", "[1]", "[]"),
        ("an unknown architecture", "primer_ez", "primer_easy"),
        ("an architecture twice", "primer_ez", "transformer"),
        (
            "an architecture twice by another name",
            "primer_ez",
            "{preset: transformer, name: other}"
        ),
        (
            "a changed architecture without a name",
            "primer_ez",
            "{preset: transformer, activation: gelu}"
        ),
        (
            "an unknown activation",
            "primer_ez",
            "{preset: transformer, name: x, activation: relu2}"
        ),
        (
            "a convolution too wide",
            "primer_ez",
            "{preset: transformer, name: x, qkv_convolution: {depthwise: {width: 9}}}"
        ),
        ("an unknown baseline", "seeds: [1]", "baseline: transformr"),
        ("an unknown size", "d12-l2", "tiny"),
        ("a label of no model", "d12-l2", "d0-l2"),
        (
            "heads beyond count",
            "d12-l2",
            "{d_model: 12, layers: 2, heads: 99999999999}"
        ),
        ("no parameters", "d12-l2", "{params: 0}"),
        ("a key with nothing behind it", "seeds: [1]", "baseline:"),
        ("a size twice", "d12-l2", "d16-l2"),
        ("a size without layers", "d12-l2", "{d_model: 12}"),
        (
            "a size of both kinds",
            "d12-l2",
            "{params: 1M, d_model: 12}"
        ),
        (
            "heads that do not divide",
            "d12-l2",
            "{d_model: 100, layers: 2, d_head: 64}"
        ),
        ("a width of zero", "d12-l2", "{d_model: 0, layers: 2}"),
        ("parameters that no shape has", "d12-l2", "{params: 12}"),
        ("a budget twice", "[2e8, 4e8]", "[2e8, 0.2e9]"),
        ("a seed twice", "seeds: [1]", "seeds: [1, 1]"),
        (
            "a batch that is no multiple",
            "batch_tokens: 128",
            "batch_tokens: 100"
        ),
        (
            "a micro-batch that does not divide",
            "batch_tokens: 128",
            "batch_tokens: 128\n  micro_batch_sequences: 3"
        ),
        (
            "a micro-batch of nothing",
            "batch_tokens: 128",
            "batch_tokens: 128\n  micro_batch_sequences: 0"
        ),
        (
            "a name that is no folder's",
            "seeds: [1]",
            "name: ../elsewhere"
        ),
    ]));
}

#[test]
fn recipes() {
    let batch = |rule: &str| format!("batch_tokens: {rule}");
    let train = |recipe: &str| format!("fixed: 1e-2\n  {recipe}");
    let rate = |rule: &str| {
        (
            rule.to_owned(),
            "learning_rate:\n    fixed: 1e-2",
            format!("learning_rate: {rule}"),
        )
    };
    let cases = [
        (
            "no factors".to_owned(),
            "seeds: [1]",
            "seeds: [1]\nlr: []".to_owned(),
        ),
        (
            "a factor of nothing".to_owned(),
            "seeds: [1]",
            "seeds: [1]\nlr: [0, 1]".to_owned(),
        ),
        (
            "a factor twice".to_owned(),
            "seeds: [1]",
            "seeds: [1]\nlr: [0.5, 1, 0.5]".to_owned(),
        ),
        (
            "a batch by an unknown rule".to_owned(),
            "batch_tokens: 128",
            batch("step_laww"),
        ),
        (
            "a batch by a law without a coefficient".to_owned(),
            "batch_tokens: 128",
            batch("{ power_law: { tokens: 1 } }"),
        ),
        (
            "a batch by a law that falls below zero".to_owned(),
            "batch_tokens: 128",
            batch("{ power_law: { coefficient: -1 } }"),
        ),
        rate("{ table: { d12-l2: 1e-3 } }"),
        rate("{ table: { d12-l2: 1e-3, d16-l2: 11 } }"),
        rate("primerr"),
        rate("{ power_law: { coefficient: 1e9 } }"),
        rate("{ power_law: { coefficient: 1, params: 9 } }"),
        (
            "an unknown optimizer".to_owned(),
            "fixed: 1e-2",
            train("optimizer: adamm"),
        ),
        (
            "a key of AdamW's in Muon".to_owned(),
            "fixed: 1e-2",
            train("optimizer: { muon: { beta1: 0.9 } }"),
        ),
        (
            "too few iterations".to_owned(),
            "fixed: 1e-2",
            train("optimizer: { muon: { iterations: 0 } }"),
        ),
        (
            "factoring from one".to_owned(),
            "fixed: 1e-2",
            train("optimizer: { adafactor: { factor_from: 1 } }"),
        ),
        (
            "a warmup by fraction".to_owned(),
            "fixed: 1e-2",
            train("schedule: { wsd: { warmup: 0.1, decay: 0.2, floor: 0 } }"),
        ),
        (
            "a fall from the start".to_owned(),
            "fixed: 1e-2",
            train("schedule: { rsqrt: { constant_steps: 0 } }"),
        ),
        (
            "a floor above the peak".to_owned(),
            "fixed: 1e-2",
            train("schedule: { linear: { warmup: 0, floor: 2 } }"),
        ),
    ];
    let cases: Vec<(&str, &str, &str)> = cases
        .iter()
        .map(|(name, from, to)| (name.as_str(), *from, to.as_str()))
        .collect();
    insta::assert_snapshot!(family(&cases));
}

#[test]
fn architectures() {
    let arm = |choices: &'static str| format!("{{preset: transformer, name: x, {choices}}}");
    let cases: Vec<(&str, String)> = vec![
        ("a choice that is none", arm("activations: gelu")),
        ("a number for a word", arm("activation: 3")),
        ("a word for a switch", arm("gated: maybe")),
        ("unknown positions", arm("positions: rotatory")),
        (
            "settings that are missing",
            arm("qkv_projections: grouped_query"),
        ),
        (
            "a setting of another choice",
            arm("positions: { rotary: { width: 3 } }"),
        ),
        (
            "a convolution too wide",
            arm("qkv_convolution: { depthwise: { width: 9 } }"),
        ),
        ("a base of one", arm("positions: { rotary: { base: 1 } }")),
        ("an epsilon of zero", arm("norm_eps: 0")),
        (
            "taps that never learn",
            arm("qkv_convolution: { depthwise: { init: zero } }"),
        ),
        ("a folded scale under QK-norm", arm("qk_norm: true")),
        (
            "a folded scale without the paper's start",
            arm("initialisation: normal"),
        ),
        (
            "groups that do not divide the heads",
            arm("qkv_projections: { grouped_query: { group: 4 } }"),
        ),
        ("heads that do not divide the width", arm("d_head: 5")),
        (
            "a choice with nothing behind it",
            "{preset: primer_ez, name: x, qkv_convolution: }".to_owned(),
        ),
        (
            "null for a choice",
            "{preset: primer_ez, name: x, norm: null}".to_owned(),
        ),
        ("a ratio without its number", arm("d_ff: ratio")),
        (
            "two choices in one",
            arm("qkv_projections: {grouped_query: {group: 2}, shared_qk: }"),
        ),
        (
            "a width out of every range",
            arm("qkv_convolution: {depthwise: {width: 999999999999}}"),
        ),
        (
            "a base that is no number",
            arm("positions: {rotary: {base: ten}}"),
        ),
        ("wild logits", arm("logit_scale: one")),
        (
            "the input twice",
            arm("qkv_convolution: {depthwise: {residual: true, init: identity}}"),
        ),
        (
            "a changed preset by another name",
            "{preset: primer_ez_without_mdha, norm: rms}".to_owned(),
        ),
        (
            "another name of the same",
            "transformer_mdha, primer_ez_without_squared_relu".to_owned(),
        ),
        ("no preset", "{name: x, activation: gelu}".to_owned()),
    ];
    let edits: Vec<(&str, &str, &str)> = cases
        .iter()
        .map(|(name, arm)| (*name, "primer_ez", arm.as_str()))
        .collect();
    insta::assert_snapshot!(family(&edits));
}

#[test]
fn ladders() {
    let sizes = "[d12-l2, d16-l2]";
    insta::assert_snapshot!(family(&[
        (
            "a ladder down",
            sizes,
            "[{ladder: {from: 1M, to: 100k, rungs: 3}}]"
        ),
        (
            "a ladder of one",
            sizes,
            "[{ladder: {from: 10k, to: 100k, rungs: 1}}]"
        ),
        (
            "a ladder too dense",
            sizes,
            "[{ladder: {from: 10k, to: 11k, rungs: 30}}]"
        ),
        (
            "a ladder out of reach",
            sizes,
            "[{ladder: {from: 10, to: 1k, rungs: 3}}]"
        ),
        (
            "an aspect ratio of zero",
            sizes,
            "[{ladder: {from: 10k, to: 100k, rungs: 3, aspect: 0}}]"
        ),
        (
            "a ladder without an end",
            sizes,
            "[{ladder: {from: 10k, rungs: 3}}]"
        ),
        (
            "a ladder and a width",
            sizes,
            "[{ladder: {from: 10k, to: 100k, rungs: 3}, d_model: 16}]"
        ),
    ]));
}

#[test]
fn budgets_and_text() {
    insta::assert_snapshot!(family(&[
        ("a budget too small for one batch", "[2e8, 4e8]", "[1e6]"),
        (
            "a budget in tokens too small for one batch",
            "flops: [2e8, 4e8]",
            "tokens: [100]"
        ),
        ("too little text", "[2e8, 4e8]", "[1e12]"),
        (
            "too little text to validate on",
            "tokens: 1024",
            "tokens: 1e6"
        ),
        (
            "a text that is missing",
            "train: train.txt",
            "train: nowhere.txt"
        ),
        ("a text that is a folder", "train: train.txt", "train: ."),
        (
            "training text without validation text",
            "validation: val.txt",
            ""
        ),
        (
            "all three texts",
            "validation: val.txt",
            "validation: val.txt\n  text: train.txt"
        ),
        (
            "a fraction of a file that is held out whole",
            "validation: val.txt",
            "validation: val.txt\n  validation_fraction: 0.1"
        ),
        (
            "nothing left to train on",
            "train: train.txt\n  validation: val.txt",
            "text: train.txt\n  validation_fraction: 1.5"
        ),
        (
            "validation text that is trained on",
            "validation: val.txt",
            "validation: train.txt"
        ),
    ]));
}

#[test]
fn texts_that_are_none() {
    let mut said_of = String::new();
    for (name, bytes) in [
        ("an empty text", b"".to_vec()),
        (
            "a text of separators",
            b"<|endoftext|>\n\n<|endoftext|>\n".to_vec(),
        ),
        ("a text that is not UTF-8", b"caf\xe9 au lait".to_vec()),
        (
            "a zstd file cut short",
            zstd::encode_all(&b"some text, and more of it"[..], 3).unwrap()[..12].to_vec(),
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("train.txt", bytes);
        said_of += &format!(
            "## {name}\n{}\n\n",
            said(&sandbox, &["plan", "sweep.yaml", "--no-calibration"])
        );
    }
    let sandbox = Sandbox::new();
    sandbox.edit("train: train.txt\n  validation: val.txt", "text: line.txt");
    sandbox.write("line.txt", "one line and nothing else");
    said_of += &format!(
        "## one paragraph to split\n{}\n",
        said(&sandbox, &["plan", "sweep.yaml", "--no-calibration"])
    );
    insta::assert_snapshot!(said_of);
}

#[test]
fn files_that_are_no_sweep() {
    let mut said_of = String::new();
    let deep = "[".repeat(100_000);
    for (name, text) in [
        ("an empty file", ""),
        ("not a mapping", "- 1\n- 2\n"),
        ("not YAML", "a: b: c: [\n"),
        ("a tab", "data:\n\ttrain: x\n"),
        ("two documents", "a: 1\n---\nb: 2\n"),
        ("hostile nesting", deep.as_str()),
        ("an unknown alias", "data: *nowhere\n"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("sweep.yaml", text);
        said_of += &format!(
            "## {name}\n{}\n\n",
            said(&sandbox, &["plan", "sweep.yaml", "--no-calibration"])
        );
    }
    let sandbox = Sandbox::new();
    sandbox.write("sweep.yaml", b"name: caf\xe9\n");
    said_of += &format!(
        "## not UTF-8\n{}\n\n",
        said(&sandbox, &["plan", "sweep.yaml", "--no-calibration"])
    );
    said_of += &format!(
        "## no file\n{}\n",
        said(&sandbox, &["plan", "nowhere.yaml", "--no-calibration"])
    );
    insta::assert_snapshot!(said_of);
}

#[test]
fn commands() {
    let sandbox = Sandbox::new();
    let mut said_of = String::new();
    for (name, arguments) in [
        ("status without results", vec!["status", "sweep.yaml"]),
        ("fit without results", vec!["fit", "nothing"]),
        ("report without results", vec!["report", "sweep"]),
        (
            "no trainer",
            vec!["run", "sweep.yaml", "--trainer", "nowhere"],
        ),
        ("an unknown command", vec!["runn", "sweep.yaml"]),
        ("an unknown option", vec!["plan", "sweep.yaml", "--jsn"]),
    ] {
        said_of += &format!("## {name}\n{}\n\n", said(&sandbox, &arguments));
    }
    insta::assert_snapshot!(said_of);
}

#[test]
fn cuda_where_there_is_none() {
    if std::path::Path::new("/dev/nvidia0").exists() {
        skipped("this machine has a GPU");
        return;
    }
    insta::assert_snapshot!(planned("device: cpu", "device: cuda"));
}
