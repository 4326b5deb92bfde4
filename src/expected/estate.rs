//! All that is declared, from all sources, by scope. Held compactly, parsed on demand, never changed once built.
//!
//! Invariant: what a fault makes doubtful is *undecided*: neither compared nor taken as undeclared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::loaded::{DocumentSummary, Loaded, Packed};
use super::placing::{Home, Placement, Placer};
use super::scope::{Entry, ScopeDeclarations};
use super::{Problem, Types};
use crate::domain::id::{Region, ScannedAccount, Scope};

/// All that is declared.
#[derive(Debug, Default)]
pub struct Estate {
    /// What each source holds, in the order of the configuration, those that lie in the database last.
    pub sources: Vec<SourceSummary>,
    /// Every fault, in the order of the sources.
    pub problems: Vec<Problem>,
    declared: BTreeMap<Home, Vec<Entry>>,
    /// Resources declared twice with different states.
    disputed: BTreeMap<Home, BTreeSet<Box<str>>>,
    /// Type and id of resources whose declaration is faulty: their account and region may be unknown.
    faulty: BTreeSet<(String, String)>,
    lost_any: bool,
}

/// What one source holds.
#[derive(Debug, Clone, Default)]
pub struct SourceSummary {
    /// What it is, for people: `json expected/`.
    pub name: String,
    /// Documents (files) read.
    pub documents: usize,
    /// Good declarations by type.
    pub resources: BTreeMap<String, usize>,
    /// The documents, in the order in which they were read.
    pub read: Vec<DocumentSummary>,
    /// Resources passed over because nobody watches their type, by the source's name of the type.
    pub skipped: BTreeMap<String, usize>,
    /// What was passed over for another reason, by what it is.
    pub passed_over: BTreeMap<&'static str, usize>,
    /// Its part of [`Estate::problems`].
    pub problems: Range<usize>,
    /// What is no fault but worth knowing.
    pub notes: Vec<String>,
}

/// What one source yielded, with what the configuration says of it.
#[derive(Debug)]
pub(super) struct LoadedSource {
    pub(super) name: String,
    pub(super) account: Option<String>,
    pub(super) loaded: Loaded,
}

impl Estate {
    /// Merges what the sources yielded. Without `accounts` (not known, as before AWS was asked) declarations are still
    /// checked against one another, but not for where they lie.
    pub(super) fn merge(sources: Vec<LoadedSource>, accounts: &[ScannedAccount], types: Types) -> Self {
        let mut merge = Merge { placer: Placer { accounts, types }, groups: BTreeMap::new(), drafts: Vec::new() };
        let mut estate = Self::default();
        for (index, source) in sources.into_iter().enumerate() {
            estate.faulty.extend(source.loaded.faulty.iter().cloned());
            estate.lost_any |= source.loaded.lost_any;
            merge.add_source(index, source, &mut estate.faulty);
        }
        merge.settle(&mut estate);
        estate.declared.values_mut().for_each(Vec::shrink_to_fit);
        for draft in merge.drafts {
            let start = estate.problems.len();
            estate.problems.extend(draft.problems);
            estate.sources.push(SourceSummary { problems: start..estate.problems.len(), ..draft.summary });
        }
        estate
    }

    /// What is declared in a scope; an open region is offered in every region of its account.
    #[must_use]
    pub fn scope<'e>(&'e self, scope: &Scope) -> ScopeDeclarations<'e> {
        let home = |region: Option<Region>| Home {
            account_id: scope.account_id.clone(),
            resource_type: scope.resource_type.clone(),
            region,
        };
        let (here, open) = (home(Some(scope.region.clone())), home(None));
        let entries = |home: &Home| self.declared.get(home).map(Vec::as_slice).unwrap_or_default();
        ScopeDeclarations {
            estate: self,
            scope: scope.clone(),
            here: entries(&here),
            open: entries(&open),
            disputed: [self.disputed.get(&here), self.disputed.get(&open)],
        }
    }

    /// Whether it is known of every declaration which resource it means, so that what is not declared here is
    /// declared nowhere.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.lost_any
    }

    /// Whether a declaration of this resource is faulty, wherever it lies.
    pub(super) fn is_faulty(&self, resource_type: &str, resource_id: &str) -> bool {
        !self.faulty.is_empty() && self.faulty.contains(&(resource_type.to_owned(), resource_id.to_owned()))
    }

    /// How many resources are declared, each once.
    #[must_use]
    pub fn len(&self) -> usize {
        self.declared.values().map(Vec::len).sum()
    }

    /// About how many bytes of memory the declarations take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.declared.values().flatten().map(Entry::bytes).sum()
    }

    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A declaration that found its place.
struct Placed {
    source: usize,
    region: Option<Region>,
    declared: Packed,
}

#[derive(Default)]
struct Draft {
    summary: SourceSummary,
    problems: Vec<Problem>,
}

struct Merge<'a> {
    placer: Placer<'a>,
    /// By account, type and region; types whose region may be open stand together whatever the region, because the
    /// id alone tells them apart.
    groups: BTreeMap<Home, Vec<Placed>>,
    drafts: Vec<Draft>,
}

impl Merge<'_> {
    fn add_source(&mut self, index: usize, source: LoadedSource, faulty: &mut BTreeSet<(String, String)>) {
        let LoadedSource { name, account, loaded } = source;
        let mut draft = Draft {
            summary: SourceSummary {
                name,
                documents: loaded.documents,
                notes: loaded.notes,
                read: loaded.read,
                skipped: loaded.skipped,
                passed_over: loaded.passed_over,
                ..SourceSummary::default()
            },
            problems: loaded.problems,
        };
        let mut by_document: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut unscanned: BTreeMap<String, usize> = BTreeMap::new();
        for declared in loaded.declarations {
            *draft.summary.resources.entry(declared.resource_type.to_string()).or_default() += 1;
            *by_document.entry(Arc::clone(&declared.document)).or_default() += 1;
            match self.placer.place(&declared, account.as_deref()) {
                Ok(Placement::At(home)) => self.group(home, index, declared),
                Ok(Placement::Unscanned(place)) => *unscanned.entry(place).or_default() += 1,
                Err(message) => {
                    faulty.insert((declared.resource_type.to_string(), declared.resource_id.to_string()));
                    let message = format!("{} {} {message}", declared.resource_type, declared.resource_id);
                    let (place, pointer) = (declared.place(), declared.pointer.into());
                    draft.problems.push(Problem { place, pointer, message });
                }
            }
        }
        for document in &mut draft.summary.read {
            document.resources = by_document.get(document.name.as_str()).copied().unwrap_or_default();
        }
        draft.summary.notes.extend(unscanned.iter().map(|(place, count)| note(place, *count)));
        self.drafts.push(draft);
    }

    fn group(&mut self, home: Home, source: usize, declared: Packed) {
        let kind = self.placer.types.iter().find(|kind| kind.name() == home.resource_type);
        let is_found_by_id = kind.is_some_and(|kind| kind.region_may_be_open());
        let region = home.region.clone();
        let group = Home { region: home.region.filter(|_| !is_found_by_id), ..home };
        self.groups.entry(group).or_default().push(Placed { source, region, declared });
    }

    /// Decides what counts where a resource is declared more than once.
    fn settle(&mut self, estate: &mut Estate) {
        for (group, mut placed) in std::mem::take(&mut self.groups) {
            placed.sort_by(|a, b| a.declared.resource_id.cmp(&b.declared.resource_id));
            let mut rest = placed.into_iter().peekable();
            while let Some(first) = rest.next() {
                let mut winner = first;
                let mut is_disputed = false;
                while let Some(other) = rest.next_if(|other| other.declared.resource_id == winner.declared.resource_id)
                {
                    match dispute(&winner, &other) {
                        Some(problem) => {
                            is_disputed = true;
                            self.drafts[other.source].problems.push(problem);
                        }
                        None => winner.region = winner.region.or(other.region),
                    }
                }
                if is_disputed {
                    estate.disputed.entry(group.clone()).or_default().insert(winner.declared.resource_id);
                } else {
                    let home = Home { region: winner.region, ..group.clone() };
                    estate.declared.entry(home).or_default().push(Entry::from(winner.declared));
                }
            }
        }
    }
}

/// Why two declarations of one resource cannot both hold; `None` if they can.
fn dispute(first: &Placed, second: &Placed) -> Option<Problem> {
    let (a, b) = (&first.declared, &second.declared);
    let how = match (&first.region, &second.region) {
        (Some(one), Some(other)) if one != other => format!("in {one}, here in {other}"),
        _ if a.state != b.state => "otherwise".to_owned(),
        _ => return None,
    };
    let what = format!("{} {}", b.resource_type, b.resource_id);
    let message = format!("{what} is declared {how} at {} (#{}): remove one of the two", a.place(), a.pointer);
    Some(Problem { place: b.place(), pointer: b.pointer.to_string(), message })
}

fn note(place: &str, count: usize) -> String {
    match count {
        1 => format!("1 resource is declared in {place}, which is not scanned"),
        _ => format!("{count} resources are declared in {place}, which is not scanned"),
    }
}
