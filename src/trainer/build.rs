//! Build script: compiles the fused kernels (the C++ of `fused/`: loops for several instruction
//! sets, and their binding to libtorch), and prints the folder of libtorch.

use std::path::{Path, PathBuf};

const FOLDER: &str = "fused";

/// Name of an instruction set in the table of kernels, and its compiler flags.
type InstructionSet = (&'static str, &'static [&'static str]);
const ANY: InstructionSet = ("any", &[]);
const X86: [InstructionSet; 2] = [
    ("v3", &["-march=x86-64-v3"]),
    // Compilers prefer vectors of half the width without this flag.
    ("v4", &["-march=x86-64-v4", "-mprefer-vector-width=512"]),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={FOLDER}");
    // Set by torch-sys' build script.
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys sets DEP_TCH_LIBTORCH_LIB");
    // The rpath is for this crate's tests. The program's build script reads `libtorch`.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo:libtorch={lib}");
    build(Path::new(&lib));
}

fn build(lib: &Path) {
    let x86 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    let sets = std::iter::once(ANY).chain(X86.into_iter().filter(|_| x86));
    // Compile in parallel, because each file takes seconds.
    let objects: Vec<PathBuf> = std::thread::scope(|scope| {
        let mut compiled: Vec<_> = sets.map(|set| scope.spawn(move || kernels(set))).collect();
        compiled.push(scope.spawn(move || dispatch(x86)));
        compiled.push(scope.spawn(|| functions(lib)));
        compiled
            .into_iter()
            .map(|object| {
                object
                    .join()
                    .expect("the compiler failed, see its messages above")
            })
            .collect()
    });
    let mut library = compiler();
    library
        .cargo_metadata(true)
        .objects(objects)
        .compile("isoflop_fused");
    // Link libtorch's OpenMP, so that libtorch and the kernels share their threads.
    println!("cargo:rustc-link-search=native={}", lib.display());
    println!("cargo:rustc-link-lib=dylib:+verbatim={}", openmp(lib));
}

fn compiler() -> cc::Build {
    let mut build = cc::Build::new();
    // Optimise in every profile, because training spends its time in these loops.
    build
        .cpp(true)
        .std("c++17")
        .opt_level(3)
        .debug(false)
        .cargo_metadata(false)
        .flag("-fno-math-errno");
    // Silence GCC's note that vectors wider than the machine's are passed in memory.
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
        .expect("libtorch's library folder has a parent")
        .join("include");
    let mut build = compiler();
    // System headers, so that warnings in libtorch's headers are ignored.
    build
        .flag("-fopenmp")
        .flag("-isystem")
        .flag(include.as_os_str());
    build
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include").as_os_str());
    compile(&mut build, "functions.cpp", "functions")
}

/// Compiles one file into a separate folder, because the kernels are compiled once for each
/// instruction set.
fn compile(build: &mut cc::Build, file: &str, name: &str) -> PathBuf {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join(name);
    build
        .out_dir(&out)
        .file(format!("{FOLDER}/{file}"))
        .compile_intermediates()
        .remove(0)
}

/// Returns the file name of libtorch's OpenMP.
fn openmp(lib: &Path) -> String {
    let files = std::fs::read_dir(lib)
        .expect("libtorch's library folder is readable")
        .flatten();
    let mut names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names
        .find(|name| name.starts_with("libgomp"))
        .expect("libtorch includes OpenMP (libgomp)")
}
