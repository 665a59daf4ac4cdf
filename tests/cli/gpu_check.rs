//! What is carried to a machine with a GPU, tried as far as a machine without one can.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::sandbox::{Ran, skipped};

const MOST_BYTES: u64 = 60 << 20;

fn script(path: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(path)
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    Ran::of(&output)
}

fn gpu_check() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/gpu-check")
}

/// A packed folder, and its folder.
fn packed() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let packed = folder.path().join("packed");
    let programs = Path::new(env!("CARGO_BIN_EXE_isoflop")).parent().unwrap();
    let ran = script(
        &gpu_check(),
        &["pack", packed.to_str().unwrap(), programs.to_str().unwrap()],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    (folder, packed)
}

/// Bytes of all files below, and their names.
fn files(folder: &Path) -> (u64, Vec<String>) {
    let (mut bytes, mut names) = (0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let (more, below) = files(&path);
            bytes += more;
            names.extend(below);
        } else {
            bytes += fs::metadata(&path).unwrap().len();
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    (bytes, names)
}

/// A folder that can be carried, with all that a piece needs; without a GPU a piece says so, with a code of its own; and what
/// needs none goes well from there.
#[test]
fn what_is_packed_is_whole_and_knows_its_machine() {
    let (folder, packed) = packed();
    let (bytes, names) = files(&packed);
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
    let wanted = [
        "gpu-check",
        "isoflop.gz",
        "isoflop-trainer",
        "train.txt.zst",
        "val.txt.zst",
        "gpu.py",
        "pytorch_trainer.py",
    ];
    assert!(
        wanted
            .iter()
            .all(|name| names.iter().any(|found| found == name)),
        "{names:?}"
    );
    let fixtures = fs::read_dir(
        gpu_check()
            .parent()
            .unwrap()
            .join("../tests/reference/fixtures"),
    )
    .unwrap()
    .count();
    assert_eq!(
        names
            .iter()
            .filter(|name| name.ends_with(".safetensors"))
            .count(),
        fixtures
    );

    let out = folder.path().join("out");
    let run = |words: &[&str]| script(&packed.join("gpu-check"), &[&["run"], words].concat());
    let ran = run(&["numbers", out.to_str().unwrap(), "--rehearse"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let result: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("numbers.json")).unwrap()).unwrap();
    assert_eq!(result["passed"], true);
    assert_eq!(result["fixtures"].as_array().unwrap().len(), 2 * fixtures);
    assert_eq!(result["runs"].as_array().unwrap().len(), 6);

    if Path::new("/dev/nvidiactl").exists() {
        skipped("this machine has a GPU");
        return;
    }
    let ran = run(&["numbers", out.to_str().unwrap()]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("error: this machine has no NVIDIA GPU") && ran.err.contains("hint: "),
        "{}",
        ran.err
    );
}

#[test]
fn mistakes_are_told() {
    let folder = TempDir::new().unwrap();
    for (words, said) in [
        (vec!["pack"], "`pack` takes a folder"),
        (
            vec!["pack", folder.path().to_str().unwrap()],
            "is there already",
        ),
        (
            vec!["pack", "nowhere", "/nowhere"],
            "has no isoflop and isoflop-trainer",
        ),
        (vec!["run", "number"], "there is no piece `number`"),
        (vec!["run", "numbers"], "is no packed folder"),
        (vec!["walk"], "`walk` is no command"),
    ] {
        let ran = script(&gpu_check(), &words);
        assert!(
            ran.code == 2 && ran.err.contains(said) && ran.err.contains("hint: "),
            "{words:?}: {}",
            ran.err
        );
    }
}

/// Numbers that are not the reference's fail: the comparison is not a formality.
#[test]
fn numbers_that_are_off_are_seen() {
    let folder = TempDir::new().unwrap();
    let fixtures = gpu_check()
        .parent()
        .unwrap()
        .join("../tests/reference/fixtures");
    for entry in fs::read_dir(&fixtures).unwrap() {
        let path = entry.unwrap().path();
        // Each model is given another's numbers where both have the same tensors.
        let name = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace("transformer_swish", "transformer_gelu");
        if !(path
            .to_string_lossy()
            .ends_with("/transformer_gelu.safetensors"))
        {
            fs::copy(&path, folder.path().join(name)).unwrap();
        }
    }
    fs::copy(
        fixtures.join("transformer_swish.safetensors"),
        folder.path().join("transformer_swish.safetensors"),
    )
    .unwrap();
    let compared = |folder: &Path, device: &str| {
        script(
            Path::new(env!("CARGO_BIN_EXE_isoflop-trainer")),
            &["compare", folder.to_str().unwrap(), device],
        )
    };
    let ran = compared(folder.path(), "cpu");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.err.contains(
            "error: numbers differ from the reference: transformer_gelu, transformer_gelu"
        ),
        "{}",
        ran.err
    );
    assert_eq!(
        ran.out.matches("\"within\":false").count(),
        2,
        "{}",
        ran.out
    );
    let ran = compared(&folder.path().join("nowhere"), "cpu");
    assert!(
        ran.code == 2 && ran.err.contains("cannot read the fixture"),
        "{}",
        ran.err
    );
    let ran = compared(&fixtures, "gpu");
    assert!(
        ran.code == 2 && ran.err.contains("unknown device `gpu`"),
        "{}",
        ran.err
    );
    if !Path::new("/dev/nvidiactl").exists() {
        assert_eq!(
            compared(&fixtures, "cuda:0").code,
            3,
            "a device that is not there is not replaced"
        );
    }
}
