//! `pkg audit`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Ending;
use super::claims::{Waiting, begin_changes};
use super::session::{Flavour, Session};
use super::stamping::{StampArgs, Stamping};
use crate::audit::{
    Audit, Finding, Fix, Policy, Published, Rule, Unchecked, apply, audit, find_rule, near_rules,
    render_json, render_junit, render_sarif, rules,
};
use crate::catalog::ImageId;
use crate::error::{UsageError, closest_names};
use crate::host::fs::{FileError, read_text, resolve};
use crate::host::{Change, Changes, architecture, cause, find_work_tree};
use crate::inspect::{find_faults, find_histories, gather, read_files};
use crate::observe::{Comparison, Inventory, Observer, PublishedRecord, WithoutProxies};
use crate::plan::{Availability, Drift};
use crate::scan::{load, survey};
use crate::settings::{Settings, Severity};
use crate::ui::{Tone, visible};

/// Find what is wrong or doubtful with the images
///
/// Changelogs, control files, recipes, dependencies and the git history of the directories are held against rules; what
/// cannot be read is a finding, and the rest is looked at all the same. The engine is not asked, and the registry only with `--registry`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directories with images
    #[arg(value_name = "DIR", required_unless_present = "explain")]
    directories: Vec<PathBuf>,
    /// Mend what can be mended safely; all files are changed, or none
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// End with exit code 3 when a finding is as grave as this
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Warning)]
    fail_on: FailOn,
    /// Ask the registry whether published versions were made from what there is now
    #[arg(long)]
    registry: bool,
    #[command(flatten)]
    stamp: StampArgs,
    /// Ask only this rule; can be given several times
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// What to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// Print JSON, as `--format json` does
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print the page of a rule and do nothing else
    #[arg(long, value_name = "ID")]
    explain: Option<String>,
}

/// The gravest finding that is no failure is below this.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
}

impl FailOn {
    fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// This program's own, see docs/json.md
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// The XML of `JUnit`
    Junit,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    if let Some(id) = &args.explain {
        session.ui.print(find(id)?.page)?;
        return Ok(Ending::Done);
    }
    let stamping = Stamping::ask(session, args.stamp)?;
    let settings = stamping.apply(session.settings(Flavour::Release)?);
    let asked: Vec<&'static Rule> = args
        .rules
        .iter()
        .map(|id| find(id))
        .collect::<Result<_, _>>()?;
    let policy = Policy::new(&settings.audit, asked)?;
    if args.fix {
        let directories = ("audit --fix", args.directories.as_slice());
        let Some((changes, _note)) = begin_changes(session, directories, &args.waiting)? else {
            return Ok(Ending::Hindered);
        };
        for path in changes.undone() {
            let path = path.display();
            session
                .ui
                .say(&format!("{path}: as before a run that was killed"));
        }
        let audit = look(session, args, &settings, &policy)?;
        mend(session, &changes, &audit)?;
    }
    let audit = look(session, args, &settings, &policy)?;
    let fail_on = args.fail_on.severity();
    match (args.format, args.json) {
        (Format::Json, _) | (Format::Text, true) => session.ui.print(&render_json(&audit))?,
        (Format::Sarif, _) => {
            let top = args.directories.iter().find_map(|one| find_work_tree(one));
            let below_top = |path: &Path| find_below(top.as_deref()?, path);
            session.ui.print(&render_sarif(&audit, below_top))?;
        }
        (Format::Junit, _) => session.ui.print(&render_junit(&audit, fail_on))?,
        (Format::Text, false) => print_text(session, &audit)?,
    }
    sum_up(session, &audit);
    let has_failed = audit.findings.iter().any(|one| one.severity >= fail_on);
    Ok(if has_failed {
        Ending::Found
    } else {
        Ending::Done
    })
}

fn find(id: &str) -> Result<&'static Rule, UsageError> {
    find_rule(id).ok_or_else(|| {
        let all = || {
            let ids: Vec<_> = rules().iter().map(|rule| rule.id).collect();
            format!("the rules are {}", ids.join(", "))
        };
        UsageError {
            message: format!("there is no rule `{id}`"),
            hints: vec![closest_names(&near_rules(id)).unwrap_or_else(all)],
        }
    })
}

fn look(
    session: &Session,
    args: &Args,
    settings: &Settings,
    policy: &Policy,
) -> anyhow::Result<Audit> {
    let mut survey = survey(&args.directories, settings)?;
    let faults = find_faults(&mut survey)?;
    let files = read_files(&survey, settings);
    let now = session.clock()?.now();
    Session::block_on(async {
        let ask = async |directories: &[&Path], counts: &dyn Fn(&Path, &Path) -> bool| {
            find_histories(&session.environment, &args.directories, directories, counts).await
        };
        let (mut subjects, ground) = gather(&survey, files, settings, now, ask).await;
        if args.registry {
            let mut published = find_published(session, args, settings).await?;
            for subject in &mut subjects {
                let found = published.remove(subject.directory);
                subject.published = found.unwrap_or_else(|| {
                    Published::Unknown("not all images of the catalog can be read".to_owned())
                });
            }
        }
        Ok(audit(&subjects, &ground, &faults, policy))
    })
}

/// Asks the registry about every image, by directory; nothing is known of a catalog that is not whole.
async fn find_published(
    session: &Session,
    args: &Args,
    settings: &Settings,
) -> anyhow::Result<HashMap<PathBuf, Published>> {
    let Some(registry) = session.registry(settings)? else {
        let message = "the settings name no registry to ask".to_owned();
        let hints = vec!["set `registry`, or leave `--registry` out".to_owned()];
        return Err(UsageError { message, hints }.into());
    };
    let Ok(loaded) = load(&args.directories, settings) else {
        return Ok(HashMap::new());
    };
    let all: BTreeSet<ImageId> = loaded.catalog.iter().map(|(id, _)| id).collect();
    let observer = Observer {
        engine: None,
        shelf: None,
        registry: Some(&registry),
        verified: &session.verified()?,
        settings,
    };
    let mut facts = match observer.observe(&loaded, &all).await {
        Ok(facts) => facts,
        // The other rules have their say all the same.
        Err(error) => {
            let unknown = Published::Unknown(cause(&error));
            let images = loaded.catalog.iter();
            return Ok(images
                .map(|(_, image)| (image.directory.clone(), unknown.clone()))
                .collect());
        }
    };
    let without_proxies = WithoutProxies::load(&args.directories, settings);
    let comparison = Comparison {
        inventory: &Inventory::new(&loaded, &without_proxies),
        registry: Some(&registry),
        published: &PublishedRecord::new(&session.state()?),
        architecture: architecture(),
    };
    comparison.compare(&all, &mut facts).await;
    let published = loaded.catalog.iter().map(|(id, image)| {
        let facts = &facts[id.0];
        let published = match (&facts.registry, &facts.published) {
            (Availability::Present(_), Drift::Unknown) => Published::Unknown(
                "what is published does not say what it was made from".to_owned(),
            ),
            (_, Drift::Unreadable(why)) => Published::Unknown(why.clone()),
            (_, Drift::Changed(changes)) => Published::Differs(changes.clone()),
            (_, Drift::None | Drift::Unknown) => Published::Fine,
        };
        (image.directory.clone(), published)
    });
    Ok(published.collect())
}

/// Finds the path of a file from the top of its work tree; a link in the place of the file is a file of the tree.
fn find_below(top: &Path, path: &Path) -> Option<PathBuf> {
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    let real = directory.unwrap_or(Path::new(".")).canonicalize().ok()?;
    let path = real.join(path.file_name()?);
    path.strip_prefix(top).ok().map(Path::to_owned)
}

/// Makes all safe changes at once, and says which.
fn mend(session: &Session, changes: &Changes, audit: &Audit) -> anyhow::Result<()> {
    // Several names may be links to one file.
    let mut changed: BTreeMap<PathBuf, Change> = BTreeMap::new();
    let mut done: Vec<(&Finding, &Fix)> = Vec::new();
    for finding in &audit.findings {
        let Some(fix) = &finding.fix else { continue };
        let real = resolve(fix.path());
        let change = match changed.remove(&real) {
            Some(change) => change,
            None => unchanged(fix.path())?,
        };
        let new = apply(fix, &change.new);
        done.extend(new.is_some().then_some((finding, fix)));
        let new = new.unwrap_or_else(|| change.new.clone());
        changed.insert(real, Change { new, ..change });
    }
    let changed = changed.into_values();
    let changed: Vec<Change> = changed
        .filter(|one| one.old.as_deref() != Some(&*one.new))
        .collect();
    if changed.is_empty() {
        session.ui.say("there is nothing that can be mended safely");
        return Ok(());
    }
    changes.make(&changed)?;
    for (finding, fix) in done {
        session.ui.say(&format!(
            "{}: {} [{}]",
            fix.path().display(),
            fix.describe(),
            finding.rule.id
        ));
    }
    Ok(())
}

fn unchanged(path: &Path) -> Result<Change, FileError> {
    let old = read_text(path)?;
    Ok(Change {
        path: path.to_owned(),
        new: old.clone(),
        old: Some(old),
    })
}

fn print_text(session: &Session, audit: &Audit) -> anyhow::Result<()> {
    let ui = &session.ui;
    let mut text = String::new();
    let mut last = None;
    for finding in &audit.findings {
        if last != Some(&finding.subject) {
            let gap = if last.is_some() { "\n" } else { "" };
            text.extend([
                gap,
                &ui.paint(Tone::Strong, &finding.subject),
                "
",
            ]);
            last = Some(&finding.subject);
        }
        text.push_str(&render_finding(session, finding));
    }
    Ok(ui.print_drawing(&text)?)
}

fn render_finding(session: &Session, finding: &Finding) -> String {
    let ui = &session.ui;
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Caution,
        Severity::Note => Tone::Accent,
    };
    let mut text = format!(
        "  {}: {} {}\n",
        ui.paint(tone, finding.severity.as_str()),
        visible(&finding.message),
        ui.paint(Tone::Dim, &format!("[{}]", finding.rule.id))
    );
    for place in &finding.places {
        let arrow = ui.paint(Tone::Accent, "-->");
        text.extend(["    ", &arrow, " ", &visible(&place.to_string()), "\n"]);
    }
    if let Some(hint) = &finding.hint {
        let heading = ui.paint(Tone::Accent, "hint:");
        text.extend(["    ", &heading, " ", &visible(hint), "\n"]);
    }
    text
}

fn sum_up(session: &Session, audit: &Audit) {
    for group in group(&audit.unchecked) {
        let Group {
            rules,
            images,
            reason,
        } = group;
        session
            .ui
            .say(&format!("could not check {rules} of {images}: {reason}"));
    }
    for group in group(&audit.inapplicable) {
        let verb = if group.rules.starts_with('`') {
            "does"
        } else {
            "do"
        };
        let Group {
            rules,
            images,
            reason,
        } = group;
        session
            .ui
            .say(&format!("{rules} {verb} not apply to {images}: {reason}"));
    }
    let images = counted(audit.subjects.len(), "image");
    let counts: Vec<String> = Severity::ALL
        .iter()
        .map(|severity| (audit.count(*severity), severity.as_str()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    if counts.is_empty() {
        session.ui.say(&format!("{images}: nothing found"));
        return;
    }
    let fixable = audit
        .findings
        .iter()
        .filter(|one| one.fix.is_some())
        .count();
    let fixable = match fixable {
        0 => String::new(),
        count => format!("; `--fix` mends {count}"),
    };
    session
        .ui
        .say(&format!("{images}: {}{fixable}", counts.join(", ")));
}

/// Rules that were not asked about images, for one reason.
struct Group<'a> {
    rules: String,
    images: String,
    reason: &'a str,
}

/// One group for each reason, with the rules and how many images it concerns.
fn group(unchecked: &[Unchecked]) -> Vec<Group<'_>> {
    let mut reasons: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for one in unchecked {
        let (rules, images) = reasons.entry(&one.reason).or_default();
        rules.push(one.rule.id);
        images.push(&one.subject);
    }
    reasons
        .into_iter()
        .map(|(reason, (mut rules, mut images))| {
            rules.sort_unstable();
            rules.dedup();
            images.sort_unstable();
            images.dedup();
            let rules = match rules.as_slice() {
                [one] => format!("`{one}`"),
                several => format!("{} rules", several.len()),
            };
            let images = match images.as_slice() {
                [one] => format!("`{one}`"),
                several => counted(several.len(), "image"),
            };
            Group {
                rules,
                images,
                reason,
            }
        })
        .collect()
}

fn counted(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}
