//! Renders every template of a catalog, and watches over that: steps, depth and sizes of texts are bounded inside of a
//! template, but not what many texts together take, nor how long one filter works.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::{Excess, Problem, Warning};
use crate::audit::place_in_template;
use crate::catalog::{Catalog, Image, ImageId, ImageName, Recipe};
use crate::dockerfile::{Dockerfile, DockerfileError, parse_dockerfile};
use crate::host::find_memory_bytes;
use crate::oci::Reference;
use crate::place::Place;
use crate::render::{
    FilterError, ImageKind, RenderError, RenderFault, Renderer, STACK_BYTES, Template, UsedImage,
};
use crate::stamp::CountedStamps;

/// How often the watch looks.
const GLANCE: Duration = Duration::from_millis(10);

/// A rendered template.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// The Dockerfile.
    pub text: String,
    /// What counts into what the image is made from, where that is something else.
    counted: Option<Counted>,
    /// The stamps that count by their values.
    stamps: CountedStamps,
    /// The same, read.
    pub(super) dockerfile: Dockerfile,
    /// The outside base images that it names, in order, each once.
    pub(super) bases: Vec<Reference>,
    /// The images that the template asked for by name.
    pub(super) used: Vec<UsedImage>,
}

/// A template as it counts into what the image is made from.
#[derive(Clone, Debug)]
struct Counted {
    text: String,
    dockerfile: Dockerfile,
    used: Vec<UsedImage>,
}

impl Rendering {
    /// Gives the Dockerfile as it counts into what the image is made from: with the constants of stamps that do not count by
    /// their values.
    #[must_use]
    pub fn counted_text(&self) -> &str {
        let counted = self.counted.as_ref();
        counted.map_or(&self.text, |counted| &counted.text)
    }

    /// Gives the same, read.
    #[must_use]
    pub fn counted_dockerfile(&self) -> &Dockerfile {
        let counted = self.counted.as_ref();
        counted.map_or(&self.dockerfile, |counted| &counted.dockerfile)
    }

    /// Gives the images that the template asked for by name where it is that.
    #[must_use]
    pub fn counted_used(&self) -> &[UsedImage] {
        let counted = self.counted.as_ref();
        counted.map_or(&self.used, |counted| &counted.used)
    }

    /// Gives the stamps in that which count by their values.
    #[must_use]
    pub fn stamps(&self) -> &CountedStamps {
        &self.stamps
    }

    /// Gives the Dockerfile, read.
    #[must_use]
    pub fn dockerfile(&self) -> &Dockerfile {
        &self.dockerfile
    }

    /// Gives the images that the template asked for by name.
    #[must_use]
    pub fn used(&self) -> &[UsedImage] {
        &self.used
    }
}

/// What is to be rendered, and with what.
pub(super) struct Work {
    pub(super) catalog: Catalog,
    pub(super) renderer: Renderer,
    pub(super) base_images: Vec<Reference>,
}

/// What rendering gives, with the catalog back.
pub(super) struct Rendered {
    pub(super) catalog: Catalog,
    /// One for each image, in order.
    pub(super) renderings: Vec<Option<Rendering>>,
    pub(super) warnings: Vec<Warning>,
    pub(super) problems: Vec<Problem>,
}

/// What rendering may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For one template.
    time: Duration,
    /// More than there was at the start.
    memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            memory_bytes: 1 << 30,
        }
    }
}

type Answer = Result<Option<(Rendering, Vec<Warning>)>, Problem>;

/// The template that a thread renders, and since when.
type Current = Arc<Mutex<Option<(PathBuf, Instant)>>>;

/// Renders on as many threads as there are processors: each template is independent of all others.
///
/// A template that takes too much ends it all with a problem that names it; its thread is left behind, as nothing can
/// stop it but the end of the program.
pub(super) fn render_all(work: Work, limits: Limits) -> Result<Rendered, Problem> {
    let count = work.catalog.len();
    let work = Arc::new(work);
    let crew = Crew::start(&work).map_err(Problem::Thread)?;
    let answers = crew.wait(count, limits)?;
    for thread in crew.threads {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
    // The threads have ended, and nobody else has it.
    let Some(work) = Arc::into_inner(work) else {
        unreachable!("a thread that has ended holds nothing");
    };
    let mut rendered = Rendered {
        catalog: work.catalog,
        renderings: Vec::with_capacity(count),
        warnings: Vec::new(),
        problems: Vec::new(),
    };
    for answer in answers {
        let rendering = match answer {
            Some(Ok(Some((rendering, said)))) => {
                rendered.warnings.extend(said);
                Some(rendering)
            }
            Some(Err(problem)) => {
                rendered.problems.push(problem);
                None
            }
            Some(Ok(None)) | None => None,
        };
        rendered.renderings.push(rendering);
    }
    Ok(rendered)
}

/// The threads that render.
struct Crew {
    threads: Vec<JoinHandle<()>>,
    current: Vec<Current>,
    /// The answers of a thread, with the number of the first one.
    answers: Receiver<(usize, Vec<Answer>)>,
}

impl Crew {
    fn start(work: &Arc<Work>) -> io::Result<Self> {
        /// Fewer templates than this are done before a thread has started.
        const WORTH_A_THREAD: usize = 32;
        let count = work.catalog.len();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = count.div_ceil(threads).max(WORTH_A_THREAD);
        let (sender, answers) = channel();
        let mut crew = Self {
            threads: Vec::new(),
            current: Vec::new(),
            answers,
        };
        for start in (0..count).step_by(share) {
            let (work, sender, current) = (Arc::clone(work), sender.clone(), Current::default());
            crew.current.push(Arc::clone(&current));
            let thread = Builder::new()
                .name(format!("render {}", crew.threads.len()))
                .stack_size(STACK_BYTES);
            crew.threads.push(thread.spawn(move || {
                let share = start..count.min(start + share);
                let answers = share.map(|index| render_one(&work, index, &current));
                // Nobody waits any more where another template took too much.
                let _ = sender.send((start, answers.collect()));
            })?);
        }
        Ok(crew)
    }

    /// Gathers the answers, and looks at what rendering takes.
    fn wait(&self, count: usize, limits: Limits) -> Result<Vec<Option<Answer>>, Problem> {
        let before = find_memory_bytes();
        let mut answers: Vec<Option<Answer>> =
            std::iter::repeat_with(|| None).take(count).collect();
        let mut looked = Instant::now();
        loop {
            match self.answers.recv_timeout(GLANCE) {
                Ok((start, share)) => {
                    let places = answers.iter_mut().skip(start);
                    for (place, answer) in places.zip(share) {
                        *place = Some(answer);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(answers),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if looked.elapsed() >= GLANCE {
                self.look(before, limits)?;
                looked = Instant::now();
            }
        }
    }

    fn look(&self, before: Option<u64>, limits: Limits) -> Result<(), Problem> {
        let running = self.current.iter().filter_map(|current| {
            let current = current.lock().unwrap_or_else(PoisonError::into_inner);
            current.clone()
        });
        let running: Vec<(PathBuf, Instant)> = running.collect();
        let tell = |excess, paths: Vec<&PathBuf>| Problem::Runaway {
            excess,
            places: paths.into_iter().map(|path| Place::file(path)).collect(),
        };
        let late = running
            .iter()
            .filter(|(_, since)| since.elapsed() > limits.time);
        let late: Vec<&PathBuf> = late.map(|(path, _)| path).collect();
        if !late.is_empty() {
            return Err(tell(Excess::Time(limits.time), late));
        }
        let grown = find_memory_bytes()
            .zip(before)
            .map(|(now, before)| now.saturating_sub(before));
        if grown.is_some_and(|grown| grown > limits.memory_bytes) {
            let paths = running.iter().map(|(path, _)| path).collect();
            return Err(tell(Excess::Memory(limits.memory_bytes), paths));
        }
        Ok(())
    }
}

fn render_one(work: &Work, index: usize, current: &Current) -> Answer {
    let note = |path: Option<PathBuf>| {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = path.map(|path| (path, Instant::now()));
    };
    let image = work.catalog.image(ImageId(index));
    note(Some(image.recipe_path().to_owned()));
    let answer = render(image, work);
    note(None);
    answer
}

/// Takes an image's own name from those that it may have meant.
fn without_itself(mut error: Box<RenderError>, name: &ImageName) -> Box<RenderError> {
    if let RenderFault::Filter(FilterError::UnknownImage { near, .. }) = &mut error.fault {
        near.retain(|near| near != name.as_str());
    }
    error
}

fn render(image: &Image, work: &Work) -> Result<Option<(Rendering, Vec<Warning>)>, Problem> {
    let Recipe::Template { path, text } = &image.recipe else {
        return Ok(None);
    };
    let rendered = work.renderer.render(&Template { path, text });
    let rendered = rendered.map_err(|error| without_itself(error, &image.name))?;
    let read = |dockerfile: &str| {
        parse_dockerfile(dockerfile).map_err(|source| Problem::Dockerfile {
            place: match source {
                DockerfileError::NoFrom => Place::file(path),
                _ => place_in_template(path, text, dockerfile, source.line()),
            },
            line: find_line(dockerfile, &source),
            source: Box::new(source),
        })
    };
    let dockerfile = read(&rendered.dockerfile)?;
    let counted = rendered.counted.map(|counted| {
        Ok::<_, Problem>(Counted {
            dockerfile: read(&counted.dockerfile)?,
            text: counted.dockerfile,
            used: counted.used_images.into_iter().collect(),
        })
    });
    let counted = counted.transpose()?;
    let warnings = rendered.warnings.iter().map(|warning| Warning::Render {
        place: warning.place().clone(),
        text: warning.to_string(),
    });
    let warnings = warnings.collect();
    let used: Vec<_> = rendered.used_images.into_iter().collect();
    let asked = used.iter().filter(|used| used.kind == ImageKind::Base);
    let written = dockerfile.image_references();
    let written = written.filter_map(|written| written.text.parse().ok());
    let written = written.filter(|reference| work.base_images.contains(reference));
    let bases: BTreeSet<Reference> = asked
        .map(|used| used.label.clone())
        .chain(written)
        .collect();
    let rendering = Rendering {
        text: rendered.dockerfile,
        counted,
        stamps: rendered.stamps,
        dockerfile,
        bases: bases.into_iter().collect(),
        used,
    };
    Ok(Some((rendering, warnings)))
}

/// The user knows the template and not what it gives, so the line itself is more than its number.
fn find_line(dockerfile: &str, error: &DockerfileError) -> Option<String> {
    if matches!(error, DockerfileError::NoFrom) {
        return None;
    }
    let line = dockerfile.lines().nth(error.line() - 1)?;
    Some(line.trim().chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::fs::{create_directory, write_atomically};
    use crate::render::KnownImages;
    use crate::scan::scan_directories;
    use crate::settings::{Layer, parse_settings};

    /// Renders directories of templates, each named like its image.
    fn render_images(images: &[(&str, &str)], limits: Limits) -> Result<Rendered, Problem> {
        let root = tempfile::tempdir().expect("a directory");
        for (name, template) in images {
            let directory = root.path().join(name);
            create_directory(&directory).expect("a directory");
            let write = |file: &str, text: &str| {
                write_atomically(&directory.join(file), text.as_bytes()).expect("a file");
            };
            write(
                "changelog",
                &format!("{name} (1.0-1) d; urgency=high\n\n  * x\n"),
            );
            write("Dockerfile.template", template);
        }
        let (path, text) = (Path::new("config.yaml"), "");
        let settings = parse_settings(&[Layer { path, text }]).expect("settings");
        let scanned = scan_directories(&[root.path().to_owned()], &settings.settings.naming);
        let known = Arc::new(KnownImages::default());
        let work = Work {
            catalog: scanned.catalog,
            renderer: Renderer::new(&settings.settings, known, |_| None),
            base_images: Vec::new(),
        };
        render_all(work, limits)
    }

    const ENDLESS: &str = "{% set x = range(1000000)|list %}{% for i in range(100000) %}{% set y = x|sort %}{% endfor %}";

    #[test]
    fn a_template_that_runs_for_too_long_is_given_up_and_named() {
        let limits = Limits {
            time: Duration::from_millis(50),
            ..Limits::default()
        };
        let images = [("endless", ENDLESS), ("fine", "FROM scratch")];
        let Err(Problem::Runaway { excess, places }) = render_images(&images, limits) else {
            panic!("it is endless");
        };
        assert_eq!(excess, Excess::Time(limits.time));
        let [place] = places.as_slice() else {
            panic!("one is late: {places:?}");
        };
        assert!(place.path().ends_with("endless/Dockerfile.template"));
    }

    #[test]
    fn as_many_templates_as_there_are_come_back_in_order() {
        let names: Vec<String> = (0..100).map(|number| format!("image{number:02}")).collect();
        let text = |name: &String| format!("FROM scratch\nLABEL name={name}");
        let texts: Vec<String> = names.iter().map(text).collect();
        let images: Vec<(&str, &str)> = names
            .iter()
            .zip(&texts)
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let rendered =
            render_images(&images, Limits::default()).map_err(|problem| problem.to_string());
        let rendered = rendered.unwrap_or_else(|problem| panic!("{problem}"));
        let written: Vec<_> = rendered
            .renderings
            .iter()
            .flatten()
            .map(|one| &one.text)
            .collect();
        assert_eq!(written, texts.iter().collect::<Vec<_>>());
    }

    /// Renders one template behind an empty line, and tells what is wrong with it.
    fn tell(template: &str) -> String {
        let text = format!("\n{template}\nFROM scratch\n");
        let rendered = render_images(&[("deep", &text)], Limits::default());
        let rendered = rendered.unwrap_or_else(|problem| panic!("{problem}"));
        match rendered.problems.as_slice() {
            [] => "rendered".to_owned(),
            [Problem::Render(error)] => {
                let place = error.place.to_string();
                assert!(place.contains("Dockerfile.template:2:"), "{place}");
                error.to_string()
            }
            [problem] => problem.to_string(),
            problems => panic!("{problems:?}"),
        }
    }

    #[test]
    fn code_of_any_length_is_rendered_or_refused() {
        for (begin, piece, end) in [
            ("{{ range", "()", " }}"),
            ("{{ 'x'", ".a", " }}"),
            ("{{ 'x'", "|string", " }}"),
            ("{{ 1", " if 1 else 2", " }}"),
            ("{{ 1", "+1", " }}"),
            ("{{ 'a'", "~'a'~\"b\"", " }}"),
            ("{{ ", "not ", "1 }}"),
            ("{{ 1", " and 1", " }}"),
            ("{{ ", "-", "1 }}"),
            ("{{ ", "(", "1 }}"),
            ("{% set x = ", "[", "1 %}"),
        ] {
            // The longest code does not end the program, whatever comes of it.
            let count = ((64 << 10) - 100) / piece.len();
            tell(&format!("{begin}{}{end}", piece.repeat(count)));
            let long = format!("{begin}{}{end}", piece.repeat(count + 100));
            assert_eq!(
                tell(&long),
                "this tag is too long: 64 KiB is the most",
                "{piece}"
            );
        }
        let branches = |count| format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(count));
        assert_eq!(tell(&branches(5_000)), "rendered");
        assert_eq!(
            tell(&branches(5_001)),
            "this file has too many `elif`: 5000 is the most"
        );
    }

    #[test]
    fn values_of_any_depth_are_rendered_or_refused() {
        const DEEP: &str = "more than 100 lists and mappings are inside of each other";
        let repeat = |count, before: &str, inside: &str| {
            tell(&format!(
                "{before}{{% for i in range({count}) %}}{inside}{{% endfor %}}"
            ))
        };
        for (before, inside) in [
            ("{% set h=[[]] %}", "{% do h.append([h.pop()]) %}"),
            ("{% set h=[[]] %}", "{% do h.append({'a': h.pop()}) %}"),
            ("{% set h=[[]] %}", "{% do h.append((h.pop(),)) %}"),
            (
                "{% set h=[{}] %}",
                "{% do h.append({'a': h.pop()}.values()) %}",
            ),
            (
                "{% set g=[[]] %}{% set h=[g[0]] %}",
                "{% set n=[] %}{% do g.pop().append(n) %}{% do g.append(n) %}",
            ),
        ] {
            assert_eq!(repeat(20_000, before, inside), DEEP, "{inside}");
            assert_eq!(repeat(90, before, inside), "rendered", "{inside}");
        }
        let [one, other] = ["h", "g"].map(|name| {
            format!("{{% set {name}=[[]] %}}{{% for i in range(80) %}}{{% do {name}.append([{name}.pop()]) %}}{{% endfor %}}")
        });
        assert_eq!(
            tell(&format!("{one}{other}{{{{ '#' if h == g }}}}")),
            "rendered"
        );
        let sets = "{% set x=[x] %}".repeat(10_000);
        assert_eq!(tell(&format!("{{% set x=1 %}}{sets}")), DEEP);
    }

    #[test]
    fn many_changes_of_large_lists_take_little_time() {
        let started = Instant::now();
        let text = "{% set h=[[]] %}{% set g=[] %}{% for i in range(20000) %}{% do g.append(i) %}\
                    {% do h.append(g) %}{% do h.append([i]) %}{% endfor %}";
        assert_eq!(tell(text), "rendered");
        // A tenth of a second, and seven where every append looks into all that is there.
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}
