//! From what is written to what it means: included files under their includers, each value read, and what does not go
//! together refused.

use std::collections::BTreeMap;

use super::accounts;
use super::architecture::Architecture;
use super::base::read_base;
use super::bootstrap::{Bootstrap, BootstrapFile};
use super::image_file::{Changes, Command, ImageFile, ImageFileError, Layering, Making, Runtime};
use super::paths::{read_layers, read_paths};
use super::repositories::{
    DebianArchive, DebianContents, Repositories, read_apk_contents, read_debian_packages,
    read_named, read_repositories, read_words,
};
use super::value::{
    Values, at, check_word, nowhere, read_absolute, read_line, read_lines, read_map, split_command,
};
use super::written::{Entrypoint, Text, Written};
use crate::stamp::{Constants, CountedStamps};
use crate::yaml::{YamlFault, read_yaml};

/// Included files that are followed.
const DEEPEST: usize = 16;

/// Parses an `image.yaml`; an unknown key anywhere is an error. `read_included` gives the text of a file that one names: the
/// first argument is the file that names it, nothing for this one.
pub fn parse_image_file(
    text: &str,
    read_included: &mut dyn FnMut(Option<&str>, &str) -> Values<String>,
) -> Values<ImageFile> {
    let mut texts = vec![text.to_owned()];
    let mut merged = read_written(text)?;
    // For what is wrong in a single value the line is known, as long as the file is looked at alone.
    read(&merged, Extent::Alone)?;
    let mut name: Option<String> = None;
    while let Some(next) = merged.include.take() {
        let place = |error: ImageFileError| ImageFileError {
            file: error.file.or_else(|| name.clone()),
            ..error
        };
        if texts.len() > DEEPEST {
            let message = format!("files include each other more than {DEEPEST} deep");
            return Err(place(at(&next, message)));
        }
        let path = read_line("include", &next).map_err(place)?;
        let text = read_included(name.as_deref(), &path).map_err(|error| {
            place(ImageFileError {
                line: error.line.or_else(|| at(&next, String::new()).line),
                ..error
            })
        })?;
        name = Some(path);
        let place = |error: ImageFileError| ImageFileError {
            file: name.clone(),
            ..error
        };
        let included = read_written(&text).map_err(place)?;
        read(&included, Extent::Alone).map_err(place)?;
        texts.push(text);
        merged = merged.over(included);
    }
    let mut file = read(&merged, Extent::Whole).map_err(|error| ImageFileError {
        // The values are from several files now.
        line: if texts.len() == 1 { error.line } else { None },
        ..error
    })?;
    file.texts = texts;
    Ok(file)
}

fn read_written(text: &str) -> Values<Written> {
    Ok(read_yaml(text)?)
}

impl From<YamlFault> for ImageFileError {
    fn from(fault: YamlFault) -> Self {
        Self {
            message: fault.message,
            line: fault.line,
            file: None,
        }
    }
}

/// Whether a file is looked at as a part of others, or everything is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Alone,
    Whole,
}

fn read(written: &Written, extent: Extent) -> Values<ImageFile> {
    let changes = Changes {
        layers: read_layers(&written.layers)?,
        accounts: accounts::read(&written.accounts)?,
        paths: read_paths(&written.paths)?,
        certificates: read_named("certificates.additional", &written.certificates.additional)?,
        certificate_providers: read_lines(
            "certificates.providers",
            &written.certificates.providers,
        )?,
    };
    let making = read_making(written, &changes, extent)?;
    if let (Some(from), Extent::Whole) = (find_taken(written), extent)
        && !matches!(making, Making::Base(_))
    {
        let message = "`layers` can be taken from another image on a `base` alone";
        return Err(at(from, message.to_owned()));
    }
    let mut runtime = read_runtime(written)?;
    if !runtime.services.is_empty() && !matches!(making, Making::Apk(_)) && extent == Extent::Whole
    {
        let message = "`entrypoint.services` needs s6, which packages of Alpine bring";
        return Err(nowhere(message.to_owned()));
    }
    if let Some(format) = &written.format
        && format.value != "tar"
    {
        let message = format!("`format` can be `tar` alone: `{}`", format.value);
        return Err(at(format, message));
    }
    let vcs = written.vcs_url.as_ref().map(read_vcs).transpose()?;
    let annotations = read_map("annotations", &written.annotations)?;
    let labels = label_source(vcs.as_ref()).chain(annotations.clone());
    let own = std::mem::take(&mut runtime.labels);
    runtime.labels = labels.chain(own).collect();
    Ok(ImageFile {
        making,
        changes,
        runtime,
        architectures: read_architectures(&written.archs)?,
        layering: read_layering(written)?,
        vcs,
        annotations,
        stamps: CountedStamps::new(),
        constants: Constants::new(),
        texts: Vec::new(),
    })
}

/// Finds the first image that files are taken from.
fn find_taken(written: &Written) -> Option<&Text> {
    written.layers.iter().find_map(|layer| layer.from.as_ref())
}

fn read_making(written: &Written, changes: &Changes, extent: Extent) -> Values<Making> {
    let contents = &written.contents;
    if contents.baseimage.is_some() {
        let message = "`contents.baseimage` is not supported: `base` names the image to build on";
        return Err(nowhere(message.to_owned()));
    }
    let suite = written.suite.as_ref();
    if let Some(suite) = suite {
        check_word("suite", suite)?;
    }
    let mut components = read_words("components", &written.components)?;
    if components.is_empty() {
        components.push("main".to_owned());
    }
    let repositories = read_repositories(contents)?;
    if let Some(program) = written.bootstrap {
        let is_alone = matches!(repositories, Repositories::None) && changes.is_empty();
        return read_bootstrap(written, (program, components), (is_alone, extent));
    }
    if let (Some(variant), Extent::Whole) = (&written.variant, extent) {
        return Err(at(variant, "`variant` is for `bootstrap`".to_owned()));
    }
    if let Some(base) = &written.base {
        if let (Some(layering), Extent::Whole) = (&written.layering, extent) {
            let message = "`layering` parts packages, and a `base` takes none".to_owned();
            return Err(at(&layering.strategy, message));
        }
        return match (repositories, contents.packages.first(), suite) {
            (Repositories::None, None, None) => Ok(Making::Base(read_base(base)?)),
            _ => Err(at(
                base,
                "packages cannot be added to a `base` yet".to_owned(),
            )),
        };
    }
    read_packages(written, (repositories, components), extent)
}

/// Reads a full Debian, which nothing else can be changed in.
fn read_bootstrap(
    written: &Written,
    (program, components): (Bootstrap, Vec<String>),
    (is_alone, extent): (bool, Extent),
) -> Values<Making> {
    let suite = written.suite.as_ref();
    if suite.is_none() && extent == Extent::Whole {
        return Err(nowhere("`bootstrap` needs a `suite`".to_owned()));
    }
    let others = [
        ("base", written.base.is_some()),
        (
            "contents.repositories, paths, accounts, layers and certificates",
            !is_alone,
        ),
        ("layering", written.layering.is_some()),
        (
            "contents.without-packages",
            !written.contents.without_packages.is_empty(),
        ),
        ("archs", !written.archs.is_empty()),
    ];
    if let Some((other, _)) = others.iter().find(|(_, is_there)| *is_there) {
        return Err(nowhere(format!(
            "`{other}` cannot be used with `bootstrap`"
        )));
    }
    let variant = written.variant.as_ref();
    Ok(Making::Bootstrap(BootstrapFile {
        program,
        suite: suite.map(|suite| suite.value.clone()).unwrap_or_default(),
        variant: variant.map(|variant| variant.value).unwrap_or_default(),
        components,
        packages: read_words("contents.packages", &written.contents.packages)?,
    }))
}

/// Reads which packages it has, and where they come from.
fn read_packages(
    written: &Written,
    (repositories, components): (Repositories, Vec<String>),
    extent: Extent,
) -> Values<Making> {
    let (contents, suite) = (&written.contents, written.suite.as_ref());
    let packages = &contents.packages;
    Ok(match (repositories, suite) {
        (Repositories::Apk(_), Some(suite)) => {
            return Err(at(
                suite,
                "a `suite` is Debian's, and the repositories are Alpine's".to_owned(),
            ));
        }
        (Repositories::Apk(repositories), None) => {
            Making::Apk(read_apk_contents(contents, repositories)?)
        }
        (Repositories::Debian(_), Some(suite)) => {
            let message = "the suite is named twice: by `suite`, and by `contents.repositories`";
            return Err(at(suite, message.to_owned()));
        }
        (Repositories::Debian(sources), None) => Making::Debian(DebianContents {
            packages: read_debian_packages(contents)?,
            without_scripts: read_words("contents.without-scripts", &contents.without_scripts)?,
            without_packages: read_words("contents.without-packages", &contents.without_packages)?,
            is_for_several: written.archs.len() > 1,
            archive: DebianArchive::Sources(sources),
        }),
        (Repositories::None, Some(suite)) => Making::Debian(DebianContents {
            packages: read_debian_packages(contents)?,
            without_scripts: read_words("contents.without-scripts", &contents.without_scripts)?,
            without_packages: read_words("contents.without-packages", &contents.without_packages)?,
            is_for_several: written.archs.len() > 1,
            archive: DebianArchive::Release {
                suite: suite.value.clone(),
                components,
            },
        }),
        (Repositories::None, None) if !contents.build_repositories.is_empty() => {
            Making::Apk(read_apk_contents(contents, Vec::new())?)
        }
        (Repositories::None, None) => match packages.first() {
            Some(package) if extent == Extent::Whole => {
                let message =
                    "nothing says where packages come from: `suite` or `contents.repositories`";
                return Err(at(package, message.to_owned()));
            }
            _ => Making::Scratch,
        },
    })
}

fn read_runtime(written: &Written) -> Values<Runtime> {
    let split = |key: &str, text: &Option<Text>| {
        text.as_ref()
            .map(|text| split_command(key, text))
            .transpose()
    };
    let (entrypoint, services) = read_entrypoint(&written.entrypoint)?;
    Ok(Runtime {
        environment: read_map("environment", &written.environment)?,
        entrypoint,
        services,
        cmd: split("cmd", &written.cmd)?,
        user: written
            .accounts
            .run_as
            .as_ref()
            .map(|user| read_line("accounts.run-as", user))
            .transpose()?,
        work_dir: written
            .work_dir
            .as_ref()
            .map(|directory| read_absolute("work-dir", directory))
            .transpose()?,
        stop_signal: written
            .stop_signal
            .as_ref()
            .map(|signal| read_line("stop-signal", signal))
            .transpose()?,
        volumes: written
            .volumes
            .iter()
            .map(|volume| read_absolute("volumes", volume))
            .collect::<Values<_>>()?,
        ports: written.ports.iter().map(read_port).collect::<Values<_>>()?,
        labels: read_map("labels", &written.labels)?,
    })
}

/// Reads the entry point, with the services that it supervises.
fn read_entrypoint(entrypoint: &Entrypoint) -> Values<(Command, BTreeMap<String, Command>)> {
    let is_bundle = match &entrypoint.r#type {
        None => false,
        Some(kind) if kind.value == "service-bundle" => true,
        Some(kind) => {
            let message = format!(
                "`entrypoint.type` can be `service-bundle` alone: `{}`",
                kind.value
            );
            return Err(at(kind, message));
        }
    };
    let mut services = BTreeMap::new();
    for (name, command) in &entrypoint.services {
        if !is_bundle {
            let message = "`entrypoint.services` are for `type: service-bundle`".to_owned();
            return Err(at(command, message));
        }
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            let message = format!("a service cannot be named `{}`", name.escape_debug());
            return Err(at(command, message));
        }
        services.insert(name.clone(), read_service(command)?);
    }
    let command = entrypoint.command.as_ref();
    let command = command.map(|command| split_command("entrypoint.command", command));
    let command = command.transpose()?.unwrap_or_default();
    let command = match &entrypoint.shell_fragment {
        _ if is_bundle => Command(["/bin/s6-svscan", "/sv"].map(str::to_owned).to_vec()),
        Some(fragment) => Command(vec![
            "/bin/sh".to_owned(),
            "-c".to_owned(),
            fragment.value.clone(),
        ]),
        None => command,
    };
    Ok((command, services))
}

/// Reads the command of a service, whose words are quoted for execlineb(1): a block would be one no more.
fn read_service(command: &Text) -> Values<Command> {
    let key = "entrypoint.services";
    let words = split_command(key, command)?;
    let block = words
        .0
        .iter()
        .find(|word| matches!(word.as_str(), "{" | "}"));
    let found = block.map(String::as_str);
    match found.or(command.value.contains('\\').then_some("\\")) {
        None => Ok(words),
        Some(found) => {
            let message = format!(
                "`{key}` are commands of words and quotes, and no scripts of execline: write a script, and name it, where `{found}` is needed"
            );
            Err(at(command, message))
        }
    }
}

/// Reads `8080`, `8080/tcp` or `53/udp`, and gives it with its protocol.
fn read_port(text: &Text) -> Values<String> {
    let (number, protocol) = text.value.split_once('/').unwrap_or((&text.value, "tcp"));
    let is_number = number.parse::<u16>().is_ok_and(|number| number > 0);
    if is_number && matches!(protocol, "tcp" | "udp" | "sctp") {
        return Ok(format!("{number}/{protocol}"));
    }
    let message = format!(
        "`ports` cannot hold `{}`: a number, and `/tcp`, `/udp` or `/sctp`",
        text.value
    );
    Err(at(text, message))
}

/// Gives the labels that say where an image comes from (OCI image-spec, "Pre-Defined Annotation Keys").
fn label_source(vcs: Option<&(String, String)>) -> impl Iterator<Item = (String, String)> {
    let labels = vcs.map(|(address, revision)| {
        [("source", address), ("revision", revision)]
            .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.clone()))
    });
    labels.into_iter().flatten()
}

/// Reads `ADDRESS@REVISION`.
fn read_vcs(text: &Text) -> Values<(String, String)> {
    match text.value.rsplit_once('@') {
        Some((address, revision)) if !address.is_empty() && !revision.is_empty() => {
            Ok((address.to_owned(), revision.to_owned()))
        }
        _ => Err(at(
            text,
            format!("`vcs-url` is `ADDRESS@REVISION`: `{}`", text.value),
        )),
    }
}

fn read_layering(written: &Written) -> Values<Layering> {
    let Some(layering) = &written.layering else {
        return Ok(Layering::One);
    };
    match (layering.strategy.value.as_str(), layering.budget) {
        ("origin", 0) => Ok(Layering::One),
        ("origin", budget @ 1..=100) => Ok(Layering::Origin { budget }),
        ("origin", budget) => {
            let message = format!("`layering.budget` can be 100 at most, and is {budget}");
            Err(at(&layering.strategy, message))
        }
        (other, _) => {
            let message = format!("`layering.strategy` can be `origin` alone: `{other}`");
            Err(at(&layering.strategy, message))
        }
    }
}

fn read_architectures(texts: &[Text]) -> Values<Vec<Architecture>> {
    let mut read = Vec::new();
    for text in texts {
        let Some(found) = Architecture::find(&text.value) else {
            let known: Vec<&str> = Architecture::names().collect();
            let message = format!(
                "`archs` cannot hold `{}`: it is one of {}",
                text.value,
                known.join(", ")
            );
            return Err(at(text, message));
        };
        read.push(found);
    }
    read.sort_unstable();
    read.dedup();
    Ok(read)
}
