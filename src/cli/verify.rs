//! `pkg verify`.

use std::path::PathBuf;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::session::{Flavour, Session, find_image};
use crate::catalog::{Image, find_of_name};
use crate::error::{Diagnostic, Severity};
use crate::verify::{find_test, verify};

/// Run the tests of an image that is built
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name of the image
    name: String,
    /// The directories with images
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Ending> {
    let settings = session.settings(Flavour::Release)?;
    let loaded = session.load(&args.directories, &settings)?;
    let image = loaded.catalog.image(find_image(&loaded, &args.name)?);
    let test = find_test(&settings.verify, &image.directory, &image.label)?;
    Session::block_on(async {
        let Some(id) = session
            .engine(&settings)
            .await?
            .find_id(&image.label)
            .await?
        else {
            let message = format!("{} is not built", image.label);
            let hint = format!("build it with `{}`", build_command(image, args));
            let diagnostic = Diagnostic::new(Severity::Error, message).hint(hint);
            session.ui.diagnostic(&diagnostic);
            return Ok(Ending::Failed);
        };
        let Some(test) = test else {
            session.ui.say(&format!("{} has no tests", image.label));
            return Ok(Ending::Done);
        };
        let cancelled = CancellationToken::new();
        let signals = session.watch_signals(&cancelled)?;
        let own = find_of_name(&settings.verify_timeouts, image.name.as_str(), |it| {
            &it.pattern
        });
        let deadline = own.map_or(settings.verify_timeout, |own| own.span);
        let passed = verify(&test, &session.environment, deadline, &cancelled, |line| {
            session.ui.say(line);
        });
        let passed = match signals.unless_again(passed).await {
            Ok(passed) => passed,
            Err(signal) => return Ok(Ending::Interrupted(signal)),
        };
        if let Some(signal) = signals.received() {
            return Ok(Ending::Interrupted(signal));
        }
        passed.with_context(|| format!("{} did not pass its tests", image.label))?;
        // Without the record they run once more, and that is all.
        if let Err(error) = session.verified()?.note(&id, test.digest()) {
            let message = format!("that is not recorded: {error}");
            session
                .ui
                .diagnostic(&Diagnostic::new(Severity::Warning, message));
        }
        session.ui.say(&format!("{} passed its tests", image.label));
        Ok(Ending::Done)
    })
}

/// Writes the command that builds an image, ready to be pasted.
fn build_command(image: &Image, args: &Args) -> String {
    // Without registry and namespace a label begins with the name.
    let before = if image.label.to_string().contains('/') {
        "*/"
    } else {
        ""
    };
    let directories = args.directories.iter().map(|directory| {
        let directory = directory.display().to_string();
        match shlex::try_quote(&directory) {
            Ok(quoted) => quoted.into_owned(),
            Err(_) => directory,
        }
    });
    let directories: Vec<String> = directories.collect();
    let name = &image.name;
    format!(
        "pkg build --select '{before}{name}:*' {}",
        directories.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::catalog;

    #[test]
    fn the_hint_can_be_pasted() {
        let catalog = catalog(&["app"]);
        let image = catalog.image(catalog.find("app").expect("an image"));
        let args = Args {
            name: "app".to_owned(),
            directories: vec!["images".into(), "other images".into()],
        };
        assert_eq!(
            build_command(image, &args),
            "pkg build --select '*/app:*' images 'other images'"
        );
    }
}
