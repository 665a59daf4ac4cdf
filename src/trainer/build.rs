//! Compiles the fused kernels (the C++ of `fused/`: loops for several instruction sets, and their binding to libtorch)
//! and says where libtorch is.

use std::path::{Path, PathBuf};

const FOLDER: &str = "fused";

/// Name in the table of kernels, and flags.
type InstructionSet = (&'static str, &'static [&'static str]);
const ANY: InstructionSet = ("any", &[]);
const X86: [InstructionSet; 2] = [
    ("v3", &["-march=x86-64-v3"]),
    // Compilers halve the width of vectors unless they are told.
    ("v4", &["-march=x86-64-v4", "-mprefer-vector-width=512"]),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={FOLDER}");
    // Set by torch-sys' build script.
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys says where libtorch is");
    // For this crate's own tests, and for the program, whose build script reads it.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo:libtorch={lib}");
    build(Path::new(&lib));
}

fn build(lib: &Path) {
    let x86 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    let sets = std::iter::once(ANY).chain(X86.into_iter().filter(|_| x86));
    // Side by side: each takes seconds.
    let objects: Vec<PathBuf> = std::thread::scope(|scope| {
        let mut compiled: Vec<_> = sets.map(|set| scope.spawn(move || kernels(set))).collect();
        compiled.push(scope.spawn(move || dispatch(x86)));
        compiled.push(scope.spawn(|| functions(lib)));
        compiled
            .into_iter()
            .map(|object| object.join().expect("the compiler's words stand above"))
            .collect()
    });
    let mut library = compiler();
    library
        .cargo_metadata(true)
        .objects(objects)
        .compile("isoflop_fused");
    // libtorch's own OpenMP: its threads and ours must be the same.
    println!("cargo:rustc-link-search=native={}", lib.display());
    println!("cargo:rustc-link-lib=dylib:+verbatim={}", openmp(lib));
}

fn compiler() -> cc::Build {
    let mut build = cc::Build::new();
    // Optimised whatever the profile: these loops are what training waits for.
    build
        .cpp(true)
        .std("c++17")
        .opt_level(3)
        .debug(false)
        .cargo_metadata(false)
        .flag("-fno-math-errno");
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
    let include = lib
        .parent()
        .expect("a folder of libraries lies in libtorch's")
        .join("include");
    let mut build = compiler();
    // libtorch's headers are not ours to correct.
    build
        .flag("-fopenmp")
        .flag("-isystem")
        .flag(include.as_os_str());
    build
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include").as_os_str());
    compile(&mut build, "functions.cpp", "functions")
}

/// Compiles one file into a folder of its own: the kernels are compiled once for each instruction set.
fn compile(build: &mut cc::Build, file: &str, name: &str) -> PathBuf {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join(name);
    build
        .out_dir(&out)
        .file(format!("{FOLDER}/{file}"))
        .compile_intermediates()
        .remove(0)
}

/// The file name of libtorch's OpenMP.
fn openmp(lib: &Path) -> String {
    let files = std::fs::read_dir(lib)
        .expect("libtorch has a folder of libraries")
        .flatten();
    let mut names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names
        .find(|name| name.starts_with("libgomp"))
        .expect("libtorch brings its OpenMP (libgomp)")
}
