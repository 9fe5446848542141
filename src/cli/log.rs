//! `pkg log`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use super::Ending;
use super::logs::{Logs, read_logs, tell_gaps};
use super::session::{Flavour, Session};
use crate::error::{UsageError, closest_names};
use crate::history::{
    Answer, Item, Moment, Query, Record, answer, fold_by_day, fold_by_image, fold_undated,
    parse_moment,
};
use crate::near::find_near;
use crate::ui::{Cell, Paragraph, Tone};

/// So many days are shown where nobody asks for more.
const USUAL_DAYS: u64 = 30;
/// So many names are told of entries that are one.
const MOST_NAMES: usize = 5;
/// So many changes are told of one entry.
const MOST_CHANGES: usize = 5;

/// Print what the changelogs say of the last weeks, newest first
///
/// Entries of one day with one author and one reason are one, and what was written for the dependants of an image stands below
/// its entry; `--info` names all of them. D is a day (2026-11-01), a time (2026-11-01T12:00:00Z), so many days, weeks or
/// years ago (30d, 4w, 1y), `today` or `yesterday`. An entry counts for the day that it names itself.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// Only this image, by the name that it has or had (may be given several times)
    #[arg(long = "image", value_name = "NAME")]
    images: Vec<String>,
    /// Only images whose whole label matches this pattern (`*/nginx:*`)
    #[arg(long, value_name = "GLOB")]
    select: Option<String>,
    /// Only entries of this day or time, and later ones [default: 30 days before today or before `--until`]
    #[arg(long, value_name = "D")]
    since: Option<String>,
    /// Only entries of this day or time, and earlier ones
    #[arg(long, value_name = "D")]
    until: Option<String>,
    /// Only entries whose author's name or address holds this text
    #[arg(long, value_name = "TEXT")]
    author: Option<String>,
    /// What entries are listed under
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = By::Day)]
    by: By,
    /// Print JSON, each entry by itself
    #[arg(long, conflicts_with = "by")]
    json: bool,
}

/// What entries are listed under.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// The day.
    Day,
    /// The image.
    Image,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let logs = read_logs(session, &args.directories, &settings.naming)?;
    let query = query(session, args, &logs)?;
    let found = answer(&logs.records, &query);
    tell_gaps(session, &found);
    if args.json {
        print_json(session, &query, &found)?;
        return Ok(Ending::Done);
    }
    let view = View {
        is_whole: session.ui.tells_more(),
    };
    session.ui.outline(&view.show(&found, args.by))?;
    if let Some(words) = words_on_rest(args, &query, &found) {
        session.ui.say(&words);
    }
    Ok(Ending::Done)
}

fn query(session: &Session, args: &Args, logs: &Logs) -> anyhow::Result<Query> {
    let now = session.clock()?.now();
    let moment = |option: &str, text: &Option<String>| -> Result<Option<Moment>, UsageError> {
        let read = text.as_ref().map(|text| parse_moment(text, now));
        read.transpose().map_err(|error| UsageError {
            message: format!("`{option}` is {error}"),
            hints: vec![
                "write 2026-11-01, 30d, 4w, 1y, yesterday, or 2026-11-01T12:00:00Z".to_owned(),
            ],
        })
    };
    let until = moment("--until", &args.until)?;
    let usual = || {
        let last = until.map_or(now.date_naive(), Moment::day);
        let first = last.checked_sub_days(chrono::Days::new(USUAL_DAYS));
        first.map(Moment::Day)
    };
    let since = moment("--since", &args.since)?.or_else(usual);
    if let (Some(since), Some(until)) = (since, until)
        && since.day() > until.day()
    {
        let message = format!("`--since` is after `--until`: {since} and {until}");
        let hints = Vec::new();
        return Err(UsageError { message, hints }.into());
    }
    Ok(Query {
        since,
        until,
        author: args.author.clone(),
        images: images(session, args, logs)?,
    })
}

/// Gives the names of the images that were asked for; both ways of asking have to agree.
fn images(session: &Session, args: &Args, logs: &Logs) -> anyhow::Result<Option<BTreeSet<String>>> {
    let known: BTreeSet<&str> = logs
        .records
        .iter()
        .flat_map(|record| [record.image.as_str(), record.entry.package.as_str()])
        .collect();
    if let Some(name) = args
        .images
        .iter()
        .find(|name| !known.contains(name.as_str()))
    {
        let hint = closest_names(&find_near(name, known.iter().copied()))
            .unwrap_or_else(|| "`pkg list --offline DIR` shows the names".to_owned());
        let message = format!("no changelog names an image `{name}`");
        let hints = vec![hint];
        return Err(UsageError { message, hints }.into());
    }
    let named = (!args.images.is_empty()).then(|| args.images.iter().cloned().collect());
    let Some(pattern) = &args.select else {
        return Ok(named);
    };
    let selected = session.select_in(&logs.catalog, pattern)?;
    let selected = selected
        .into_iter()
        .map(|id| logs.catalog.image(id).name.to_string());
    let selected = selected.filter(|name| {
        named
            .as_ref()
            .is_none_or(|named: &BTreeSet<String>| named.contains(name))
    });
    Ok(Some(selected.collect()))
}

/// Says what is not shown, where nobody asked for it to be left out.
fn words_on_rest(args: &Args, query: &Query, found: &Answer<'_>) -> Option<String> {
    let newest = found.older.first().filter(|_| args.since.is_none());
    let Some(newest) = newest.and_then(|newest| newest.entry.date) else {
        let is_nothing = found.dated.is_empty() && found.undated.is_empty();
        let since = query.since.map(|since| format!(" since {since}"));
        let until = query.until.map(|until| format!(" until {until}"));
        let time = [since, until].into_iter().flatten().collect::<String>();
        return is_nothing.then(|| format!("there is no such entry{time}"));
    };
    let since = query.since?;
    let day = newest.date_naive();
    Some(format!(
        "not shown: {} from before {since}, the newest from {day} (`--since 1y` shows a year)",
        count(found.older.len(), "entry", "entries"),
    ))
}

fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// How much of the entries is shown.
struct View {
    is_whole: bool,
}

impl View {
    fn show(&self, found: &Answer<'_>, by: By) -> Vec<Paragraph> {
        let mut sections: Vec<(Cell, Vec<Item<'_>>, By)> = match by {
            By::Day => fold_by_day(&found.dated)
                .into_iter()
                .map(|day| {
                    let heading = day.date.format("%a %Y-%m-%d").to_string();
                    (Cell::new(Tone::Accent, heading), day.items, by)
                })
                .collect(),
            By::Image => fold_by_image(&found.dated)
                .into_iter()
                .map(|history| (Cell::new(Tone::Accent, history.image), history.items, by))
                .collect(),
        };
        if !found.undated.is_empty() {
            let heading = Cell::new(Tone::Caution, "Without a date");
            sections.push((heading, fold_undated(&found.undated), By::Day));
        }
        let mut lines = Vec::new();
        for (heading, items, by) in sections {
            if !lines.is_empty() {
                lines.push(Paragraph::gap());
            }
            lines.push(Paragraph::new(0, vec![heading]));
            for item in &items {
                self.show_item(item, by, &mut lines);
            }
        }
        lines
    }

    fn show_item(&self, item: &Item<'_>, by: By, lines: &mut Vec<Paragraph>) {
        let mut heading = match by {
            By::Day => self.names(&item.records),
            By::Image => self.versions(&item.records),
        };
        if let Some(author) = &item.first().entry.author {
            heading.push(Cell::new(Tone::Dim, format!(" by {}", author.name)));
        }
        lines.push(Paragraph::new(2, heading));
        let reason = &item.first().reason;
        if let Some(parent) = &reason.parent {
            let words = format!("for an update of {parent}:");
            lines.push(Paragraph::new(4, vec![Cell::new(Tone::Dim, words)]));
        }
        let changes = &reason.changes;
        // One more line would say no less than that there is one more.
        let is_long = changes.len() > MOST_CHANGES + 1 && !self.is_whole;
        let shown = if is_long { MOST_CHANGES } else { changes.len() };
        for change in &changes[..shown] {
            // `[ Ann ]` is a heading.
            let is_item = changes.len() > 1 && !change.starts_with('[');
            let bullet = if is_item { "* " } else { "" };
            lines.push(Paragraph::new(
                4,
                vec![Cell::from(format!("{bullet}{change}"))],
            ));
        }
        if is_long {
            let more = format!("… and {} more changes", changes.len() - shown);
            lines.push(Paragraph::new(4, vec![Cell::new(Tone::Dim, more)]));
        }
        if !item.dependants.is_empty() {
            let mut cells = vec![Cell::new(Tone::Dim, "and what is built on it: ")];
            cells.extend(self.names(&item.dependants));
            lines.push(Paragraph::new(4, cells));
        }
    }

    /// Names images with their versions where they are few, else counts them.
    fn names(&self, records: &[&Record]) -> Vec<Cell> {
        if records.len() > MOST_NAMES && !self.is_whole {
            let images: BTreeSet<&str> = records.iter().map(|one| one.image.as_str()).collect();
            let of = count(images.len(), "image", "images");
            let words = if images.len() == records.len() {
                of
            } else {
                format!("{} of {of}", count(records.len(), "entry", "entries"))
            };
            return vec![Cell::new(Tone::Strong, words)];
        }
        let mut cells = Vec::new();
        for record in records {
            if !cells.is_empty() {
                cells.push(Cell::from(", "));
            }
            let entry = &record.entry;
            cells.push(Cell::new(Tone::Strong, entry.package.as_str()));
            cells.push(Cell::from(format!(" {}", entry.version)));
        }
        cells
    }

    /// Gives the days and versions of entries of one image.
    fn versions(&self, records: &[&Record]) -> Vec<Cell> {
        let day = |record: &Record| record.entry.date.map(|date| date.date_naive().to_string());
        let version = |record: &Record| record.entry.version.to_string();
        let one = |record: &Record| {
            let day = day(record).map(|day| Cell::new(Tone::Dim, format!("{day} ")));
            let version = Cell::new(Tone::Strong, version(record));
            day.into_iter().chain([version]).collect::<Vec<_>>()
        };
        match records {
            [newest, .., oldest] if !self.is_whole => {
                let mut cells = one(newest);
                let words = match records.len() {
                    2 => " and before it ".to_owned(),
                    more => format!(" and {} more, back to ", more - 1),
                };
                cells.push(Cell::from(words));
                cells.extend(one(oldest));
                cells
            }
            records => {
                let parts = records.iter().map(|record| one(record));
                parts.collect::<Vec<_>>().join(&Cell::from(", "))
            }
        }
    }
}

fn print_json(session: &Session, query: &Query, found: &Answer<'_>) -> anyhow::Result<()> {
    let records = found.dated.iter().chain(&found.undated);
    let entries: Vec<_> = records
        .map(|record| {
            let entry = &record.entry;
            let author = entry.author.as_ref();
            json!({
                "name": entry.package,
                "image": record.image,
                "version": entry.version.to_string(),
                "previous": record.previous.as_ref().map(ToString::to_string),
                "date": entry.date.map(|date| date.to_rfc3339()),
                "author": author.map(|author| &author.name),
                "email": author.map(|author| &author.email),
                "urgency": entry.urgency,
                "distribution": entry.distributions.join(" "),
                "parent": record.reason.parent,
                "reason": lines(&entry.body),
                "place": record.place.to_string(),
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({
        "version": 1,
        "since": query.since.map(|since| since.to_string()),
        "until": query.until.map(|until| until.to_string()),
        "older": found.older.len(),
        "entries": entries,
    }))?;
    Ok(session.ui.print(&format!("{text}\n"))?)
}

/// Gives the lines as written, but for what all of them are indented by.
fn lines(body: &[String]) -> Vec<&str> {
    let indent = |line: &String| line.len() - line.trim_start_matches(' ').len();
    let written = body.iter().filter(|line| !line.trim().is_empty());
    let least = written.map(indent).min().unwrap_or_default();
    let lines = body
        .iter()
        .map(|line| line.get(least..).unwrap_or_default());
    lines.map(str::trim_end).collect()
}
