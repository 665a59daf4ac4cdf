//! Compiles the trainer's fused kernels, gives `isoflop-trainer` the place of libtorch, so that it starts with no
//! variable set, and both programs the git revision they were built from.

#[cfg(feature = "torch")]
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Set by torch-sys' build script; absent without the feature `torch`.
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    #[cfg(feature = "torch")]
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg-bin=isoflop-trainer=-Wl,-rpath,{lib}");
        fused::build(Path::new(&lib));
    }

    // The revision changes with a commit or a checkout, its `+changes` with the sources.
    println!("cargo:rerun-if-changed=src");
    for file in head_files() {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    if let Some(revision) = git_revision() {
        println!("cargo:rustc-env=ISOFLOP_GIT_REVISION={revision}");
    }
}

/// The C++ of src/trainer/fused: loops compiled for several instruction sets, and their binding to libtorch.
#[cfg(feature = "torch")]
mod fused {
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    const FOLDER: &str = "src/trainer/fused";

    /// Name in the table of kernels, and flags.
    type InstructionSet = (&'static str, &'static [&'static str]);
    const ANY: InstructionSet = ("any", &[]);
    const X86: [InstructionSet; 2] = [
        ("v3", &["-march=x86-64-v3"]),
        // Compilers halve the width of vectors unless they are told.
        ("v4", &["-march=x86-64-v4", "-mprefer-vector-width=512"]),
    ];

    pub(super) fn build(lib: &Path) {
        println!("cargo:rerun-if-changed={FOLDER}");
        let x86 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
        let sets = std::iter::once(ANY).chain(X86.into_iter().filter(|_| x86));
        // Side by side: each takes seconds.
        let objects: Vec<PathBuf> = std::thread::scope(|scope| {
            let mut compiled: Vec<_> = sets.map(|set| scope.spawn(move || kernels(set))).collect();
            compiled.push(scope.spawn(move || dispatch(x86)));
            compiled.push(scope.spawn(|| functions(lib)));
            compiled.into_iter().map(|object| object.join().expect("the compiler's words stand above")).collect()
        });
        for object in objects {
            println!("cargo:rustc-link-arg-bin=isoflop-trainer={}", object.display());
        }
        println!("cargo:rustc-link-arg-bin=isoflop-trainer={}", openmp(lib).display());
    }

    fn compiler() -> cc::Build {
        let mut build = cc::Build::new();
        // Optimised whatever the profile: these loops are what training waits for.
        build.cpp(true).std("c++17").opt_level(3).debug(false).cargo_metadata(false).flag("-fno-math-errno");
        // A vector wider than the machine's is passed in memory, which GCC remarks on.
        build.flag_if_supported("-Wno-psabi");
        build
    }

    fn kernels((name, flags): InstructionSet) -> PathBuf {
        let mut build = compiler();
        for flag in flags {
            build.flag(flag);
        }
        build.define("ISOFLOP_KERNELS", format!("kernels_{name}").as_str());
        compile(&mut build, "kernels.cpp", name)
    }

    fn dispatch(x86: bool) -> PathBuf {
        let mut build = compiler();
        if x86 {
            build.define("ISOFLOP_X86", None);
        }
        compile(&mut build, "dispatch.cpp", "dispatch")
    }

    fn functions(lib: &Path) -> PathBuf {
        let include = lib.parent().expect("a folder of libraries lies in libtorch's").join("include");
        let mut build = compiler();
        // libtorch's headers are not ours to correct.
        build.flag("-fopenmp").flag("-isystem").flag(include.as_os_str());
        build.flag("-isystem").flag(include.join("torch/csrc/api/include").as_os_str());
        compile(&mut build, "functions.cpp", "functions")
    }

    /// Compiles one file into a folder of its own, unless what lies there is newer than the sources and this script.
    fn compile(build: &mut cc::Build, file: &str, name: &str) -> PathBuf {
        let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join(name);
        let stamp = out.join("object");
        let known = std::fs::read_to_string(&stamp).ok().map(PathBuf::from);
        if let Some(object) = known.filter(|object| modified(object) > sources_modified()) {
            return object;
        }
        let object = build.out_dir(&out).file(format!("{FOLDER}/{file}")).compile_intermediates().remove(0);
        std::fs::write(&stamp, object.to_string_lossy().as_bytes()).expect("OUT_DIR can be written");
        object
    }

    fn modified(path: &Path) -> Option<SystemTime> {
        std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
    }

    fn sources_modified() -> Option<SystemTime> {
        let sources = std::fs::read_dir(FOLDER).expect("the sources are there").flatten().map(|file| file.path());
        sources.chain([PathBuf::from("build.rs")]).filter_map(|path| modified(&path)).max()
    }

    /// libtorch's own OpenMP: its threads and ours must be the same.
    fn openmp(lib: &Path) -> PathBuf {
        let mut files = std::fs::read_dir(lib).expect("libtorch has a folder of libraries").flatten();
        let name = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libgomp"));
        files
            .find_map(|file| Some(file.path()).filter(|path| name(path)))
            .expect("libtorch brings its OpenMP (libgomp)")
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}

/// The files that name the current commit, those that exist.
fn head_files() -> Vec<PathBuf> {
    let branch = git(&["symbolic-ref", "-q", "HEAD"]);
    let names = ["HEAD".to_owned(), "packed-refs".to_owned()].into_iter().chain(branch);
    let path = |name: String| git(&["rev-parse", "--git-path", &name]).map(PathBuf::from);
    names.filter_map(path).filter(|path| path.exists()).collect()
}

fn git_revision() -> Option<String> {
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no", "src", "Cargo.lock"])?.is_empty();
    Some(if changed { format!("{revision}+changes") } else { revision })
}
