//! How the files of each crate hang together, read from their syntax (ARCHITECTURE.md).

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

use super::sources::tree;

/// A path as it is imported or written: `crate`, `arch`, `Shape`.
type Names = Vec<String>;

/// A source file of a crate, without its tests.
#[derive(Default)]
pub(crate) struct SourceFile {
    /// Within `src`.
    pub(crate) path: String,
    /// The crate's name, then the modules.
    module: Names,
    /// Names of the items that it defines.
    defines: BTreeSet<String>,
    /// Those of them that are types or traits.
    pub(crate) types: Vec<String>,
    /// What it imports, or names by a path.
    imports: Vec<Names>,
    /// What it exports of other files.
    exports: Vec<Names>,
    /// Its functions, each with its lines.
    functions: Vec<(usize, String)>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

/// Every path that a `use` stands for.
fn flatten(tree: &UseTree, before: &Names, paths: &mut Vec<Names>) {
    let and = |name: String| [before.clone(), vec![name]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &and(path.ident.to_string()), paths),
        UseTree::Name(name) => paths.push(and(name.ident.to_string())),
        UseTree::Rename(rename) => paths.push(and(rename.ident.to_string())),
        UseTree::Glob(_) => paths.push(and("*".to_owned())),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| flatten(tree, before, paths)),
    }
}

impl SourceFile {
    fn function(&mut self, signature: &syn::Signature, end: proc_macro2::Span) {
        let lines = end.end().line - signature.fn_token.span.start().line + 1;
        self.functions.push((lines, signature.ident.to_string()));
    }
}

impl<'ast> Visit<'ast> for SourceFile {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, is_type) = match item {
            Item::Mod(module) if is_test(&module.attrs) => return,
            Item::Fn(function) if is_test(&function.attrs) => return,
            Item::Use(import) if is_test(&import.attrs) => return,
            Item::Use(import) => {
                let exported = !matches!(import.vis, Visibility::Inherited);
                let paths = if exported {
                    &mut self.exports
                } else {
                    &mut self.imports
                };
                flatten(&import.tree, &Names::new(), paths);
                return;
            }
            Item::Struct(item) => (&item.ident, true),
            Item::Enum(item) => (&item.ident, true),
            Item::Trait(item) => (&item.ident, true),
            Item::Type(item) => (&item.ident, true),
            Item::Const(item) => (&item.ident, false),
            Item::Static(item) => (&item.ident, false),
            Item::Fn(item) => (&item.sig.ident, false),
            _ => return visit::visit_item(self, item),
        };
        self.defines.insert(name.to_string());
        if is_type {
            self.types.push(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, function.block.brace_token.span.close());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, function.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, function);
    }

    /// `pub(super)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if names.len() > 1 {
            self.imports.push(names);
        }
        visit::visit_path(self, path);
    }
}

/// The files of the crates.
pub(crate) fn source_files() -> Vec<SourceFile> {
    let is_in_a_crate = |(path, _): &(String, String)| path.contains('/');
    tree()
        .into_iter()
        .filter(is_in_a_crate)
        .map(source_file)
        .collect()
}

fn source_file((path, text): (String, String)) -> SourceFile {
    let words = path.trim_end_matches(".rs").split('/');
    let mut module: Names = words.map(str::to_owned).collect();
    module.pop_if(|last| ["mod", "lib"].contains(&last.as_str()));
    let mut file = SourceFile {
        path,
        module,
        ..SourceFile::default()
    };
    file.visit_file(&syn::parse_file(&text).unwrap());
    file
}

/// Files by their modules.
struct Modules<'a>(BTreeMap<&'a [String], &'a SourceFile>);

impl<'a> Modules<'a> {
    /// The file that defines what a path written in `file` names; none for other crates.
    fn definition(&self, file: &'a SourceFile, path: &[String]) -> Option<&'a SourceFile> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let depth = file.module.len() - supers;
        let (from, rest) = match path.first()?.as_str() {
            "crate" => (&file.module[..1], &path[1..]),
            "self" => (&file.module[..], &path[1..]),
            _ => (&file.module[..depth], &path[supers..]),
        };
        let mut at = from.to_vec();
        let mut rest = rest.iter();
        let mut name = rest.next();
        while let Some(deeper) = name.map(|name| [&at[..], std::slice::from_ref(name)].concat())
            && self.0.contains_key(&deeper[..])
        {
            at = deeper;
            name = rest.next();
        }
        let is_child = at.len() > from.len();
        let keyword = ["crate", "self", "super"].contains(&path[0].as_str());
        let found = *self.0.get(&at[..]).filter(|_| keyword || is_child)?;
        let Some(name) = name.filter(|name| !found.defines.contains(*name)) else {
            return Some(found);
        };
        let named = |path: &&Names| path.last() == Some(name) || path.ends_with(&["*".to_owned()]);
        let mut others = found.exports.iter().chain(&found.imports).filter(named);
        let source = others.find_map(|path| {
            let source =
                self.definition(found, path.strip_suffix(&["*".to_owned()]).unwrap_or(path))?;
            source.defines.contains(name).then_some(source)
        });
        Some(source.unwrap_or(found))
    }

    /// For each file those that it imports from, with what.
    fn imports(&self) -> BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<&'a str>>> {
        let imports = |file: &'a SourceFile| {
            let mut from: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
            // What a list of contents exports, it does not use.
            let used = file.exports.iter().filter(|_| !file.defines.is_empty());
            for path in file.imports.iter().chain(used) {
                let source = self
                    .definition(file, path)
                    .filter(|source| source.path != file.path);
                if let Some(source) = source {
                    from.entry(&source.path)
                        .or_default()
                        .insert(path.last().unwrap());
                }
            }
            from
        };
        self.0
            .values()
            .map(|file| (&*file.path, imports(file)))
            .collect()
    }
}

/// A file stands above those that it imports from: what two files need of one another belongs into a third, below both.
#[test]
fn files_import_in_no_circle() {
    let files = source_files();
    let modules = Modules(files.iter().map(|file| (&file.module[..], file)).collect());
    let mut left = modules.imports();
    let imports: usize = left.values().map(BTreeMap::len).sum();
    assert!(imports > 500, "{imports} imports were found");
    loop {
        let standing: BTreeSet<&str> = left.keys().copied().collect();
        for from in left.values_mut() {
            from.retain(|file, _| standing.contains(file));
        }
        let imported: BTreeSet<&str> = left.values().flat_map(BTreeMap::keys).copied().collect();
        left.retain(|file, from| !from.is_empty() && imported.contains(file));
        if left.len() == standing.len() {
            break;
        }
    }
    assert!(
        left.is_empty(),
        "these files import from one another: {left:#?}"
    );
}

/// A file that exports what others define is their list of contents.
#[test]
fn what_is_exported_is_defined_elsewhere() {
    let mut files = source_files();
    files.retain(|file| {
        ["mod.rs", "lib.rs"]
            .iter()
            .any(|name| file.path.ends_with(name))
    });
    files.retain(|file| !file.exports.is_empty() && !file.types.is_empty());
    let both: Vec<_> = files.iter().map(|file| (&file.path, &file.types)).collect();
    assert!(
        both.is_empty(),
        "these export what others define, and define types of their own: {both:#?}"
    );
}

#[test]
fn functions_stay_short() {
    let files = source_files();
    let of_file = |file: &SourceFile| {
        let place = &file.path;
        file.functions
            .iter()
            .map(move |(lines, name)| (*lines, format!("{name} in {place}")))
            .collect::<Vec<_>>()
    };
    let mut functions: Vec<(usize, String)> = files.iter().flat_map(of_file).collect();
    functions.sort();
    let at = functions.len() * 99 / 100;
    assert!(
        functions.len() > 1000 && functions[at].0 <= 40,
        "{:?}",
        &functions[at..]
    );
}
