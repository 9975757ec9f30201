//! The modules of a crate, and the file that a path in one of them leads to.
//!
//! ```text
//! src/lib.rs ─ mod ─▶ files ─▶ names and paths of each module ─▶ edges from file to file
//! ```
//!
//! A path leads to the file that defines its item, through any `use` on the way. Items for tests
//! are left out. Macros are not expanded: their tokens are searched for paths and definitions.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

use super::finding::Finding;

/// The modules of a crate; the root comes first.
#[derive(Default)]
pub(super) struct Modules(Vec<Module>);

#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    names: BTreeMap<String, Vec<Meaning>>,
    /// What the code names, and in which line.
    paths: Vec<(usize, Path)>,
}

/// The names of a path; `crate`, `self` and `super` are names too.
type Path = Vec<String>;

enum Meaning {
    Item,
    Module(usize),
    Use(Path),
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// An item that this module defines.
    Item(usize),
    Module(usize),
    OtherCrate,
}

/// A file, the line in which it names an item, how it does, and the file that defines it.
pub(super) type Edge<'a> = (&'a str, usize, String, &'a str);

impl Modules {
    /// The crate whose root is `root`, one of these files (path, text).
    pub(super) fn of(root: &str, files: &BTreeMap<&str, &str>) -> Self {
        let mut modules = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        modules.load(root, folder, None, files);
        modules
    }

    /// Reads a file, and the files of its modules, which are in `folder`. What is no Rust is empty.
    fn load(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        files: &BTreeMap<&str, &str>,
    ) -> usize {
        let here = self.add(file, parent);
        let mut reader = Reader {
            modules: self,
            here,
            children: Vec::new(),
        };
        if let Ok(syntax) = syn::parse_file(files.get(file).copied().unwrap_or_default()) {
            reader.visit_file(&syntax);
        }
        for (module, name) in reader.children {
            let folder = format!("{folder}/{name}");
            let mut places = [format!("{folder}.rs"), format!("{folder}/mod.rs")].into_iter();
            if let Some(place) = places.find(|it| files.contains_key(it.as_str())) {
                let child = self.load(&place, &folder, Some(module), files);
                self.define(module, name, Meaning::Module(child));
            }
        }
        here
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        self.0.push(Module {
            file: file.to_owned(),
            parent,
            ..Module::default()
        });
        self.0.len() - 1
    }

    fn define(&mut self, module: usize, name: String, meaning: Meaning) {
        self.0[module].names.entry(name).or_default().push(meaning);
    }

    /// Which file names an item of which other file.
    ///
    /// # Errors
    /// A path that begins in the crate and leads nowhere: what it hides is not known.
    pub(super) fn edges(&self) -> Result<Vec<Edge<'_>>, Finding> {
        let mut edges = Vec::new();
        for (at, Module { file, paths, .. }) in self.0.iter().enumerate() {
            for (line, path) in paths {
                let resolve = |path| self.resolve(at, path, &mut Names::new());
                let targets = resolve(path);
                let name = path.join("::");
                if targets.is_empty() && !resolve(&path[..1]).is_empty() {
                    let instead = format!("`{name}` is not found: name each item, without a macro");
                    return Err(Finding::new(file, *line, "circle", instead));
                }
                for target in targets {
                    if let Target::Item(module) = target
                        && self.0[module].file != *file
                    {
                        let to = &self.0[module].file;
                        edges.push((file.as_str(), *line, name.clone(), to.as_str()));
                    }
                }
            }
        }
        Ok(edges)
    }

    /// Where a path leads that begins in the module `from`. `within` are the names that are being
    /// looked up already.
    fn resolve(&self, from: usize, path: &[String], within: &mut Names) -> BTreeSet<Target> {
        let mut reached = BTreeSet::from([Target::Module(from)]);
        for name in path {
            let next = |target| match target {
                Target::Module(module) => self.look_up(module, name, within),
                other => BTreeSet::from([other]), // A variant, say, is defined with its type.
            };
            reached = reached.into_iter().flat_map(next).collect();
        }
        reached
    }

    fn look_up(&self, at: usize, name: &str, within: &mut Names) -> BTreeSet<Target> {
        let module = &self.0[at];
        let key = (at, name.to_owned());
        match name {
            "crate" => return BTreeSet::from([Target::Module(0)]),
            "self" => return BTreeSet::from([Target::Module(at)]),
            "super" => return module.parent.into_iter().map(Target::Module).collect(),
            _ if !within.insert(key.clone()) => return BTreeSet::new(),
            _ => {}
        }
        let mut found = BTreeSet::new();
        for meaning in module.names.get(name).into_iter().flatten() {
            match meaning {
                Meaning::Item => found.extend([Target::Item(at)]),
                Meaning::Module(module) => found.extend([Target::Module(*module)]),
                Meaning::Use(path) => match self.resolve(at, path, within) {
                    none if none.is_empty() => found.extend([Target::OtherCrate]),
                    some => found.extend(some),
                },
            }
        }
        within.remove(&key);
        found
    }
}

type Names = BTreeSet<(usize, String)>;

/// Collects what a file defines and names.
struct Reader<'a> {
    modules: &'a mut Modules,
    here: usize,
    /// Modules in files of their own, by the module that declares them.
    children: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn name(&mut self, line: usize, path: Path) {
        self.modules.0[self.here].paths.push((line, path));
    }

    /// What a `use` says of names. One that is private uses what it names; another hands it on.
    fn take_use(&mut self, tree: &UseTree, mut path: Path, is_private: bool) {
        let (last, name) = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.take_use(&inner.tree, path, is_private);
            }
            UseTree::Group(group) => {
                let trees = &group.items;
                trees
                    .iter()
                    .for_each(|tree| self.take_use(tree, path.clone(), is_private));
                return;
            }
            UseTree::Glob(all) => {
                path.push("*".to_owned());
                return self.name(all.star_token.span.start().line, path);
            }
            UseTree::Name(name) if name.ident == "self" => {
                let name = path.last().cloned().unwrap_or_default();
                return self.modules.define(self.here, name, Meaning::Use(path));
            }
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(name) => (&name.ident, &name.rename),
        };
        path.push(last.to_string());
        if is_private {
            self.name(last.span().start().line, path.clone());
        }
        let meaning = Meaning::Use(path);
        self.modules.define(self.here, name.to_string(), meaning);
    }

    /// Finds paths by their tokens, and what `struct A` or `A => …` defines.
    fn take_tokens(&mut self, tokens: TokenStream, are_items: bool) {
        let mut words = Vec::new();
        flatten(tokens, &mut words);
        let word = |at: usize| words.get(at).map_or("", |(_, word)| word.as_str());
        let is_name = |at| word(at).starts_with(|c: char| c.is_alphabetic() || c == '_');
        let mut at = 0;
        while at < words.len() {
            let begin = at;
            at += 1;
            if !is_name(begin) {
                continue;
            }
            let mut path = vec![word(begin).to_owned()];
            while word(at) == ":" && word(at + 1) == ":" && is_name(at + 2) {
                path.push(word(at + 2).to_owned());
                at += 3;
            }
            let is_defined = word(at) == "=" || begin > 0 && DEFINING.contains(&word(begin - 1));
            if are_items && is_defined {
                self.modules
                    .define(self.here, path[0].clone(), Meaning::Item);
            }
            self.name(words[begin].0, path);
        }
    }
}

const DEFINING: [&str; 7] = ["struct", "enum", "trait", "type", "const", "static", "fn"];

/// Every token with its line; where a group begins or ends there is an empty one.
fn flatten(tokens: TokenStream, words: &mut Vec<(usize, String)>) {
    for token in tokens {
        let line = token.span().start().line;
        if let TokenTree::Group(group) = token {
            words.push((line, String::new()));
            flatten(group.stream(), words);
            words.push((line, String::new()));
        } else {
            words.push((line, token.to_string()));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = head(item);
        if attributes.iter().any(is_for_tests) {
            return;
        }
        if let Some(name) = name {
            let exported = |it: &Attribute| it.path().is_ident("macro_export");
            let at = if attributes.iter().any(exported) {
                0
            } else {
                self.here
            };
            self.modules.define(at, name.to_string(), Meaning::Item);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        let Some((_, items)) = &module.content else {
            return self.children.push((self.here, name));
        };
        let outside = self.here;
        let file = self.modules.0[outside].file.clone();
        self.here = self.modules.add(&file, Some(outside));
        self.modules
            .define(outside, name, Meaning::Module(self.here));
        items.iter().for_each(|item| self.visit_item(item));
        self.here = outside;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_private = matches!(item.vis, Visibility::Inherited);
        self.take_use(&item.tree, Path::new(), is_private);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments[0].ident.span().start().line;
        let names = path.segments.iter().map(|it| it.ident.to_string());
        self.name(line, names.collect());
        visit::visit_path(self, path);
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        self.visit_path(&item.mac.path);
        self.take_tokens(item.mac.tokens.clone(), item.ident.is_none());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.take_tokens(call.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// The attributes of an item, and its name if paths can lead to it.
pub(super) fn head(item: &Item) -> (&[Attribute], Option<&syn::Ident>) {
    match item {
        Item::Const(it) => (&it.attrs, Some(&it.ident)),
        Item::Enum(it) => (&it.attrs, Some(&it.ident)),
        Item::Fn(it) => (&it.attrs, Some(&it.sig.ident)),
        Item::Macro(it) => (&it.attrs, it.ident.as_ref()),
        Item::Static(it) => (&it.attrs, Some(&it.ident)),
        Item::Struct(it) => (&it.attrs, Some(&it.ident)),
        Item::Trait(it) => (&it.attrs, Some(&it.ident)),
        Item::Type(it) => (&it.attrs, Some(&it.ident)),
        Item::Impl(it) => (&it.attrs, None),
        Item::Mod(it) => (&it.attrs, None),
        Item::Use(it) => (&it.attrs, None),
        _ => (&[], None),
    }
}

/// `#[cfg(test)]`, alone or with other conditions.
fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.meta.require_list().is_ok_and(|list| {
        let condition = list.tokens.to_string();
        let mut words = condition.split(|c: char| !c.is_alphanumeric());
        let has_test = words.clone().any(|word| word == "test");
        list.path.is_ident("cfg") && has_test && words.all(|word| word != "not")
    })
}
