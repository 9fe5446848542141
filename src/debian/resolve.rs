//! Which packages a list of requests brings: what they need, and what that needs.
//!
//! The rules are apt's where it has no choice to make: one candidate for each name, the highest version; alternatives from left
//! to right, the first one that is there already, or else that can be had; a package before those that provide its name.
//! Among several providers the essential and the more wanted ones come first, then what the index names first, where apt
//! also looks at origins and its own history. Nothing is tried twice: a choice that leads to a conflict is an error, with the
//! chain of packages that led there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::packages::{MultiArch, Package, RelationField};
use super::relations::{Alternatives, Relation, RelationError, parse_relations};
use super::{Version, VersionError};
use crate::near::find_near;

/// All packages of some indexes that one architecture can use.
#[derive(Debug)]
pub struct Universe<'a> {
    packages: Vec<Package<'a>>,
    architecture: String,
    /// Indexes of the versions of each name, in the order of the indexes.
    versions: HashMap<&'a str, Vec<usize>>,
    /// Who provides a name, and what is written there.
    providers: HashMap<&'a str, Vec<(usize, &'a str)>>,
}

/// A package that is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The package.
    pub package: Package<'a>,
    /// Who needs it first; nobody where it was asked for.
    pub needed_by: Option<&'a str>,
}

/// Why there is no choice of packages.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ResolveError {
    /// No package, or no version that would do.
    #[error(
        "{}: no package satisfies `{wanted}`{}",
        show_chain(chain),
        show_candidates(candidates)
    )]
    Unsatisfied {
        /// Who needs it, from the request on; empty for a request itself.
        chain: Vec<String>,
        /// What is needed.
        wanted: String,
        /// What there is of these names.
        candidates: Vec<String>,
    },
    /// What is to be left out is not there at all.
    #[error(
        "no archive has or needs a package `{name}` that `contents.without-packages` could leave out{}",
        show_near(near)
    )]
    NothingToLeaveOut {
        /// Its name.
        name: String,
        /// Names that may be meant.
        near: Vec<String>,
    },
    /// Two packages cannot be there at once.
    #[error(transparent)]
    Conflict(Box<Conflict>),
    /// A package of the index is broken.
    #[error("package `{package}`, `{field}`: {source}")]
    Relation {
        /// Its name.
        package: String,
        /// The field.
        field: &'static str,
        /// Why.
        source: RelationError,
    },
    /// Likewise.
    #[error("package `{package}`: {source}")]
    Version {
        /// Its name.
        package: String,
        /// Why.
        source: VersionError,
    },
}

/// Two packages that cannot be there at once.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{}: `{package}` cannot be installed with `{other}` ({}): it says `{field}: {relation}`",
    show_chain(chain),
    show_chain(other_chain)
)]
pub struct Conflict {
    /// Who says so.
    pub package: String,
    /// Who needs that, from the request on.
    pub chain: Vec<String>,
    /// The other one.
    pub other: String,
    /// Who needs that.
    pub other_chain: Vec<String>,
    /// `Conflicts` or `Breaks`.
    pub field: &'static str,
    /// What it says.
    pub relation: String,
}

fn show_chain(chain: &[String]) -> String {
    if chain.is_empty() {
        return "asked for".to_owned();
    }
    format!("needed by `{}`", chain.join("` → `"))
}

fn show_candidates(candidates: &[String]) -> String {
    if candidates.is_empty() {
        String::new()
    } else {
        format!(" (there is {})", candidates.join(", "))
    }
}

fn show_near(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean `{}`?", near.join("` or `"))
    }
}

/// Tells whether a package says that it needs a name, in whatever version or choice.
fn needs(package: &Package<'_>, name: &str) -> bool {
    let fields = [RelationField::PreDepends, RelationField::Depends];
    fields.iter().any(|field| {
        let items = package.written(*field).split([',', '|']);
        let mut names = items.filter_map(|item| item.trim_start().split([' ', '(', ':']).next());
        names.any(|one| one == name)
    })
}

/// Reads a request: `curl`, `curl (>= 7.88)`, or as apt takes it `curl=7.88.1-10`.
pub fn parse_request(text: &str) -> Result<Relation, RelationError> {
    let text = text.trim();
    let written = match text.split_once('=') {
        Some((name, version)) if !text.contains('(') => format!("{name} (= {version})"),
        _ => text.to_owned(),
    };
    let refused = |reason: &str| RelationError::Syntax {
        item: text.to_owned(),
        reason: reason.to_owned(),
    };
    let mut all = parse_relations(&written)?;
    match (all.pop(), all.is_empty()) {
        (Some(mut one), true) if one.len() == 1 => {
            one.pop().ok_or_else(|| refused("it names nothing"))
        }
        _ => Err(refused("a request is one package")),
    }
}

impl<'a> Universe<'a> {
    /// Takes the packages of indexes that an architecture can use; earlier indexes are preferred among equal versions.
    #[must_use]
    pub fn new(packages: impl IntoIterator<Item = Package<'a>>, architecture: &str) -> Self {
        let is_usable = |package: &Package<'_>| {
            package.architecture == architecture || package.architecture == "all"
        };
        let packages: Vec<Package<'a>> = packages.into_iter().filter(is_usable).collect();
        let mut versions: HashMap<&str, Vec<usize>> = HashMap::with_capacity(packages.len());
        let mut providers: HashMap<&str, Vec<(usize, &str)>> = HashMap::new();
        for (index, package) in packages.iter().enumerate() {
            versions.entry(package.name).or_default().push(index);
            let provides = package.written(RelationField::Provides).split(',');
            for item in provides.map(str::trim).filter(|item| !item.is_empty()) {
                let end = item.find([' ', '(', ':', '\n', '\t']).unwrap_or(item.len());
                providers
                    .entry(&item[..end])
                    .or_default()
                    .push((index, item));
            }
        }
        Self {
            packages,
            architecture: architecture.to_owned(),
            versions,
            providers,
        }
    }

    /// Gives the packages that every system is to have, by their names.
    pub fn essential(&self) -> impl Iterator<Item = &Package<'a>> {
        self.packages.iter().filter(|package| package.is_essential)
    }

    /// Finds the version of a name that is taken where nothing else is asked for.
    pub fn find_candidate(&self, name: &str) -> Result<Option<&Package<'a>>, ResolveError> {
        let found = self.newest(name, &Relation::any_version(name))?;
        Ok(found.map(|index| &self.packages[index]))
    }

    /// Chooses what the requests need, sorted by name.
    pub fn resolve(&self, requests: &[Relation]) -> Result<Vec<Chosen<'a>>, ResolveError> {
        self.resolve_without(requests, &[])
    }

    /// Chooses likewise, where packages of some names never come: whoever needs them, or what they provide, has that already,
    /// in whatever version.
    pub fn resolve_without(
        &self,
        requests: &[Relation],
        left_out: &[String],
    ) -> Result<Vec<Chosen<'a>>, ResolveError> {
        let mut choice = Choice {
            universe: self,
            left_out: left_out.iter().map(String::as_str).collect(),
            candidates: HashMap::new(),
            chosen: BTreeMap::new(),
            conflicts: Vec::new(),
        };
        choice.take_requests(requests)?;
        choice.check_conflicts()?;
        let chosen = choice.chosen.values().map(|member| Chosen {
            package: self.packages[member.package],
            needed_by: member.needed_by.map(|by| self.packages[by].name),
        });
        Ok(chosen.collect())
    }

    /// Fails where a name that is to be left out is neither there nor needed by anything.
    pub fn check_left_out(&self, left_out: &[String]) -> Result<(), ResolveError> {
        let is_known = |name: &str| {
            self.versions.contains_key(name)
                || self.providers.contains_key(name)
                || self.packages.iter().any(|package| needs(package, name))
        };
        match left_out.iter().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => {
                let near = find_near(name, self.versions.keys().copied());
                Err(ResolveError::NothingToLeaveOut {
                    name: name.clone(),
                    near: near.into_iter().map(str::to_owned).collect(),
                })
            }
        }
    }

    fn version(&self, index: usize) -> Result<Version, ResolveError> {
        let package = &self.packages[index];
        package.version().map_err(|source| ResolveError::Version {
            package: package.name.to_owned(),
            source,
        })
    }

    fn relations(
        &self,
        index: usize,
        field: RelationField,
    ) -> Result<Vec<Alternatives>, ResolveError> {
        let package = &self.packages[index];
        package
            .relations(field)
            .map_err(|source| ResolveError::Relation {
                package: package.name.to_owned(),
                field: field.as_str(),
                source,
            })
    }

    /// Finds the highest version of a name that a relation admits.
    fn newest(&self, name: &str, relation: &Relation) -> Result<Option<usize>, ResolveError> {
        let mut best: Option<(usize, Version)> = None;
        for &index in self.versions.get(name).into_iter().flatten() {
            let version = self.version(index)?;
            let is_better = best.as_ref().is_none_or(|(_, best)| version > *best);
            if relation.admits(&version) && is_better {
                best = Some((index, version));
            }
        }
        Ok(best.map(|(index, _)| index))
    }

    /// Tells whether a package is what a relation names: by its own name, or by one that it provides.
    fn satisfies(&self, index: usize, relation: &Relation) -> Result<bool, ResolveError> {
        let package = &self.packages[index];
        let is_of_architecture = match relation.qualifier.as_deref() {
            None | Some("native") => true,
            Some("any") => package.multi_arch == MultiArch::Allowed,
            Some(architecture) => {
                architecture == self.architecture || architecture == package.architecture
            }
        };
        if package.name == relation.name {
            return Ok(is_of_architecture && relation.admits(&self.version(index)?));
        }
        let provided = self
            .providers
            .get(relation.name.as_str())
            .into_iter()
            .flatten();
        for (_, item) in provided.filter(|(provider, _)| *provider == index) {
            let parsed = parse_relations(item).map_err(|source| ResolveError::Relation {
                package: package.name.to_owned(),
                field: RelationField::Provides.as_str(),
                source,
            })?;
            for provided in parsed.iter().flatten() {
                let admits = match (&provided.versions, &relation.versions) {
                    (_, None) => true,
                    (Some((_, version)), Some(_)) => relation.admits(version),
                    (None, Some(_)) => false,
                };
                let is_meant = relation.qualifier.as_deref() != Some("any") || is_of_architecture;
                if provided.name == relation.name && admits && is_meant {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// A package of a choice.
#[derive(Clone, Copy, Debug)]
struct Member {
    package: usize,
    needed_by: Option<usize>,
}

/// A package whose needs are looked at.
struct Frame {
    package: usize,
    needs: Vec<Alternatives>,
    next: usize,
}

/// What one package says of another one.
struct Objection {
    by: usize,
    field: RelationField,
    relation: Relation,
}

/// What was chosen so far.
struct Choice<'u, 'a> {
    universe: &'u Universe<'a>,
    /// Names that count as there.
    left_out: HashSet<&'u str>,
    /// The version of a name that counts.
    candidates: HashMap<&'a str, Option<usize>>,
    chosen: BTreeMap<&'a str, Member>,
    conflicts: Vec<Objection>,
}

impl Choice<'_, '_> {
    /// Takes all that was asked for before anything that it needs, as apt does, so that it counts for alternatives.
    fn take_requests(&mut self, requests: &[Relation]) -> Result<(), ResolveError> {
        for request in requests {
            let own = self.universe.newest(&request.name, request)?;
            let Some(index) = own else {
                continue;
            };
            self.candidates
                .insert(self.universe.packages[index].name, Some(index));
        }
        let mut frames = Vec::new();
        for request in requests {
            let wanted = vec![request.clone()];
            if let Some(index) = self.choose(&wanted, None)? {
                frames.push(self.add(index, None)?);
            }
        }
        // The first request goes first, and all that it needs before the second.
        frames.reverse();
        while let Some(frame) = frames.last_mut() {
            let Some(wanted) = frame.needs.get(frame.next) else {
                frames.pop();
                continue;
            };
            let (wanted, by) = (wanted.clone(), frame.package);
            frame.next += 1;
            if let Some(index) = self.choose(&wanted, Some(by))? {
                frames.push(self.add(index, Some(by))?);
            }
        }
        Ok(())
    }

    fn add(&mut self, index: usize, needed_by: Option<usize>) -> Result<Frame, ResolveError> {
        let name = self.universe.packages[index].name;
        let member = Member {
            package: index,
            needed_by,
        };
        self.chosen.insert(name, member);
        self.conflicts.extend(self.objections(index)?);
        let mut needs = self.universe.relations(index, RelationField::PreDepends)?;
        needs.extend(self.universe.relations(index, RelationField::Depends)?);
        Ok(Frame {
            package: index,
            needs,
            next: 0,
        })
    }

    fn objections(&self, index: usize) -> Result<Vec<Objection>, ResolveError> {
        let mut found = Vec::new();
        for field in [RelationField::Conflicts, RelationField::Breaks] {
            let relations = self.universe.relations(index, field)?;
            found.extend(relations.into_iter().flatten().map(|relation| Objection {
                by: index,
                field,
                relation,
            }));
        }
        Ok(found)
    }

    /// Chooses the first alternative that can be had; nothing where one is there already.
    fn choose(
        &mut self,
        wanted: &Alternatives,
        by: Option<usize>,
    ) -> Result<Option<usize>, ResolveError> {
        for relation in wanted {
            if self.is_there(relation)? {
                return Ok(None);
            }
        }
        let mut refused = None;
        for relation in wanted {
            for index in self.offers(relation)? {
                if self.is_welcome(index)? {
                    return Ok(Some(index));
                }
                // Where nothing else is left, the conflict is told in the end with both of its sides.
                refused = refused.or(Some(index));
            }
        }
        match refused {
            Some(index) if !self.chosen.contains_key(self.universe.packages[index].name) => {
                Ok(Some(index))
            }
            _ => Err(self.unsatisfied(wanted, by)),
        }
    }

    fn is_there(&self, relation: &Relation) -> Result<bool, ResolveError> {
        if self.left_out.contains(relation.name.as_str()) {
            return Ok(true);
        }
        if let Some(member) = self.chosen.get(relation.name.as_str())
            && self.universe.satisfies(member.package, relation)?
        {
            return Ok(true);
        }
        let providers = self.universe.providers.get(relation.name.as_str());
        for (provider, _) in providers.into_iter().flatten() {
            let name = self.universe.packages[*provider].name;
            let is_chosen = self
                .chosen
                .get(name)
                .is_some_and(|it| it.package == *provider);
            if (is_chosen || self.left_out.contains(name))
                && self.universe.satisfies(*provider, relation)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives the candidates that satisfy a relation, the best one first.
    fn offers(&mut self, relation: &Relation) -> Result<Vec<usize>, ResolveError> {
        let mut offers = Vec::new();
        if let Some(index) = self.candidate(&relation.name)?
            && self.universe.satisfies(index, relation)?
        {
            offers.push(index);
        }
        let providers = self.universe.providers.get(relation.name.as_str());
        let mut others = Vec::new();
        for (provider, _) in providers.into_iter().flatten() {
            let package = &self.universe.packages[*provider];
            let is_candidate = self.candidate(package.name)? == Some(*provider);
            if is_candidate && self.universe.satisfies(*provider, relation)? {
                others.push((!package.is_essential, package.priority, *provider));
            }
        }
        others.sort_unstable();
        others.dedup();
        offers.extend(others.into_iter().map(|(_, _, provider)| provider));
        Ok(offers)
    }

    fn candidate(&mut self, name: &str) -> Result<Option<usize>, ResolveError> {
        if let Some(known) = self.candidates.get(name) {
            return Ok(*known);
        }
        let found = self.universe.newest(name, &Relation::any_version(name))?;
        if let Some(index) = found {
            self.candidates
                .insert(self.universe.packages[index].name, found);
        }
        Ok(found)
    }

    /// Tells whether nothing that was chosen objects to a package, nor the other way round.
    fn is_welcome(&self, index: usize) -> Result<bool, ResolveError> {
        let name = self.universe.packages[index].name;
        if self.chosen.contains_key(name) {
            return Ok(false);
        }
        for objection in &self.conflicts {
            if self.universe.satisfies(index, &objection.relation)? {
                return Ok(false);
            }
        }
        for objection in self.objections(index)? {
            for member in self.chosen.values() {
                if self
                    .universe
                    .satisfies(member.package, &objection.relation)?
                {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn check_conflicts(&self) -> Result<(), ResolveError> {
        for objection in &self.conflicts {
            let others = self.chosen.values().map(|member| member.package);
            for other in others.filter(|other| *other != objection.by) {
                if self.universe.satisfies(other, &objection.relation)? {
                    return Err(ResolveError::Conflict(Box::new(Conflict {
                        package: self.show(objection.by),
                        chain: self.chain(self.needed_by(objection.by)),
                        other: self.show(other),
                        other_chain: self.chain(self.needed_by(other)),
                        field: objection.field.as_str(),
                        relation: objection.relation.to_string(),
                    })));
                }
            }
        }
        Ok(())
    }

    fn needed_by(&self, index: usize) -> Option<usize> {
        let name = self.universe.packages[index].name;
        self.chosen.get(name).and_then(|member| member.needed_by)
    }

    fn show(&self, index: usize) -> String {
        let package = &self.universe.packages[index];
        format!("{} {}", package.name, package.version)
    }

    /// Gives the packages from a request down to this one.
    fn chain(&self, by: Option<usize>) -> Vec<String> {
        let mut chain = Vec::new();
        let mut at = by;
        while let Some(index) = at.filter(|_| chain.len() < self.universe.packages.len()) {
            chain.push(self.universe.packages[index].name.to_owned());
            at = self.needed_by(index);
        }
        chain.reverse();
        chain
    }

    fn unsatisfied(&self, wanted: &Alternatives, by: Option<usize>) -> ResolveError {
        let mut candidates = Vec::new();
        for relation in wanted {
            let own = self.universe.versions.get(relation.name.as_str());
            let provided = self.universe.providers.get(relation.name.as_str());
            let provided = provided.into_iter().flatten().map(|(index, _)| index);
            let all = own.into_iter().flatten().chain(provided);
            candidates.extend(all.map(|index| self.show(*index)).take(5));
        }
        candidates.dedup();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        ResolveError::Unsatisfied {
            chain: self.chain(by),
            wanted: wanted.join(" | "),
            candidates,
        }
    }
}

#[cfg(test)]
mod tests;
