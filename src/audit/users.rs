//! Rules on who runs an image.

use super::finding::Notes;
use super::subject::{Ground, Recipe, Subject};
use crate::catalog::Recipe as CatalogRecipe;
use crate::declared::{BaseImage, Command, ImageFile, Making};
use crate::dockerfile::{BaseSource, User};
use crate::oci::Reference;
use crate::place::Place;
use crate::settings::Severity;

/// Images are built on each other this deep at most.
const DEEPEST: usize = 100;

/// What a recipe or a declaration says of who runs its image.
enum Said {
    /// This user, without the group.
    User(String),
    /// Whoever runs the image that it is built on, by its reference.
    On(String),
    /// The same, by the name of an image.
    OnNamed(String),
    /// Nobody: root does.
    Root,
    /// Only whoever made this image knows.
    Unknown(String),
}

/// Who runs the image where its own recipe does not say so.
enum Inherited {
    /// The user, and the image that says so on which it is built; an empty name where it says so itself.
    From(String, String),
    /// Root, as nobody says anything.
    Root,
    /// Only whoever made this image knows.
    Unknown(String),
}

pub(super) fn find_root(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    if let Some(CatalogRecipe::Declared { path, file }) = subject.image.map(|image| &image.recipe) {
        let is_base = !subject.dependants.is_empty();
        find_declared_root(&Place::file(path), file, (is_base, ground), notes);
        return;
    }
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let is_run = says_what_runs(subject, recipe);
    let origin = recipe.origin();
    if let Some(user) = recipe.dockerfile.final_user() {
        let is_base = !is_run && !subject.dependants.is_empty();
        if is_root(user_of(user).unwrap_or_default()) && !is_base {
            notes.add(origin.place(user.line), "the last USER is root");
        }
        return;
    }
    if !is_run {
        return;
    }
    let Some(bottom) = recipe.dockerfile.result_stages().last() else {
        return;
    };
    let place = origin.place(bottom.base.line);
    match inherited(said_below(recipe), ground) {
        Inherited::From(user, _) if !is_root(&user) => {}
        Inherited::From(_, name) => {
            let message = format!("no USER is set, and the last one of `{name}` is root");
            notes.add(place, message);
        }
        Inherited::Root => {
            let message = "no USER is set, neither here nor in what it is built on: root runs it";
            notes.add(place, message);
        }
        Inherited::Unknown(base) => notes.cannot(format!(
            "no USER is set, and who runs what is built on `{base}` only that image knows"
        )),
    }
}

/// What others are built on is not run as it is, as long as it says neither what runs nor a port; a `CMD` there is for
/// looking around.
fn says_what_runs(subject: &Subject<'_>, recipe: &Recipe<'_>) -> bool {
    let keywords: &[&str] = if subject.dependants.is_empty() {
        &["ENTRYPOINT", "EXPOSE", "CMD"]
    } else {
        &["ENTRYPOINT", "EXPOSE"]
    };
    let stages = recipe.dockerfile.result_stages();
    let mut instructions = stages.flat_map(|stage| &stage.instructions);
    instructions.any(|one| keywords.contains(&one.keyword.as_str()))
}

fn find_declared_root(
    place: &Place,
    file: &ImageFile,
    (is_base, ground): (bool, &Ground<'_>),
    notes: &mut Notes<'_>,
) {
    let runtime = &file.runtime;
    let runs = |command: &Command| !command.0.is_empty();
    let is_run = runs(&runtime.entrypoint) || !is_base && runtime.cmd.as_ref().is_some_and(runs);
    if !is_run {
        return;
    }
    let message = match inherited(said_by(file), ground) {
        Inherited::From(user, _) if !is_root(&user) => return,
        Inherited::From(_, name) if !name.is_empty() => {
            format!("an `image.yaml` names no user, and the last one of `{name}` is root")
        }
        Inherited::From(..) | Inherited::Root => {
            "an `image.yaml` names no user: root runs what it declares".to_owned()
        }
        Inherited::Unknown(base) => {
            notes.cannot(format!(
                "no user is named, and who runs what is built on `{base}` only that image knows"
            ));
            return;
        }
    };
    notes.add(place.clone(), message).hint(
        "name one in `accounts.run-as`, or set USER and what runs in a template on this image",
    );
}

/// Gives what a recipe says of who runs its image, where it has no USER itself.
fn said_below(recipe: &Recipe<'_>) -> Said {
    let Some(bottom) = recipe.dockerfile.result_stages().last() else {
        return Said::Unknown(String::new());
    };
    match bottom.source {
        BaseSource::Scratch => Said::Root,
        BaseSource::Image => Said::On(bottom.base.text.clone()),
        BaseSource::Unknown | BaseSource::Stage(_) => Said::Unknown(String::new()),
    }
}

/// Gives what a declaration says of it.
fn said_by(file: &ImageFile) -> Said {
    match (&file.runtime.user, &file.making) {
        (Some(user), _) => {
            let user = user.split(':').next().unwrap_or_default();
            Said::User(user.to_owned())
        }
        (None, Making::Base(BaseImage::Named(name))) => Said::OnNamed(name.clone()),
        (None, Making::Base(BaseImage::Pinned(reference))) => Said::Unknown(reference.to_string()),
        (None, Making::Base(BaseImage::File(path))) => Said::Unknown(path.clone()),
        (None, _) => Said::Root,
    }
}

fn inherited(said: Said, ground: &Ground<'_>) -> Inherited {
    let (mut said, mut by) = (said, String::new());
    for _ in 0..DEEPEST {
        let (parent, image) = match said {
            Said::User(user) => return Inherited::From(user, by),
            Said::Root => return Inherited::Root,
            Said::Unknown(base) => return Inherited::Unknown(base),
            Said::On(parent) => {
                let reference = parent.parse::<Reference>().ok();
                let image = reference.and_then(|reference| ground.find_image(&reference));
                (parent, image)
            }
            Said::OnNamed(name) => {
                let found = ground.catalog.find(&name);
                (name, found.map(|id| ground.catalog.image(id)))
            }
        };
        let Some(image) = image else {
            return Inherited::Unknown(parent);
        };
        by = image.name.to_string();
        said = match (&image.recipe, ground.recipes.get(image.name.as_str())) {
            (CatalogRecipe::Declared { file, .. }, _) => said_by(file),
            (CatalogRecipe::Template { .. }, None) => Said::Unknown(by.clone()),
            (CatalogRecipe::Template { .. }, Some(recipe)) => {
                match recipe.dockerfile.final_user() {
                    Some(user) => match user_of(user) {
                        Some(user) => Said::User(user.to_owned()),
                        None => Said::Unknown(by.clone()),
                    },
                    None => said_below(recipe),
                }
            }
        };
    }
    Inherited::Unknown(String::new())
}

pub(super) fn find_names(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let Some(user) = recipe.dockerfile.final_user() else {
        return;
    };
    let is_asked_for = ground.settings.force_numeric_user;
    let origin = recipe.origin();
    let Some(value) = value_of(user) else {
        let message = format!(
            "what `USER {}` gives is known only when it is built",
            user.written
        );
        if is_asked_for {
            notes.add(origin.place(user.line), message).severity = Severity::Error;
        } else {
            notes.cannot(message);
        }
        return;
    };
    // The settings ask for the group as well.
    let looked_at = if is_asked_for { 2 } else { 1 };
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = value.splitn(2, ':').take(looked_at);
    let Some(name) = parts.find(|part| !is_number(part)) else {
        return;
    };
    let is_base = !says_what_runs(subject, recipe) && !subject.dependants.is_empty();
    // Root by name is another rule's, as long as the settings do not ask for numbers.
    if !is_asked_for && (is_base || name == "root") {
        return;
    }
    let finding = notes.add(
        origin.place(user.line),
        format!("the last USER is the name `{name}`, and only a number shows that it is not root"),
    );
    if ground.settings.known_uid_mappings.contains_key(name) {
        finding.hint(format!("write `USER {{{{ \"{name}\" | uid }}}}`"));
    } else {
        finding.hint(
            "write its number, or give it one in `known_uid_mappings` and use the filter `uid`",
        );
    }
    if is_asked_for {
        finding.severity = Severity::Error;
    }
}

fn is_root(user: &str) -> bool {
    user == "root" || (!user.is_empty() && user.bytes().all(|b| b == b'0'))
}

/// Gives the user without the group; nothing where only the engine knows.
fn user_of(user: &User) -> Option<&str> {
    value_of(user)?.split(':').next()
}

fn value_of(user: &User) -> Option<&str> {
    user.value.as_deref().filter(|value| !value.is_empty())
}
